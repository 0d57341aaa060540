"""The waveform autoencoder (Chorowski et al. 2019; van den Oord et al. 2016, 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from torch import Tensor

from wavenet_ae.alignment import Alignment, WindowPlan
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.bounds import Fraction01
from wavenet_ae.decoders import WaveNet
from wavenet_ae.encoders import Encoder
from wavenet_ae.models.base import WaveformModel
from wavenet_ae.nn.jitter import jitter
from wavenet_ae.nn.upsampling import Upsampling
from wavenet_ae.types import BottleneckOutput, ModelOutput, Step


class WaveformAutoencoder(WaveformModel):
    """Waveform -> latents -> codes or vectors -> conditioning -> logits of each sample.

    speakers                     names, in the order of their rows; one more row is `unknown`
    jitter_probability           of a code being replaced by a neighbour, in training
    unknown_speaker_probability  of training an item as a speaker without a row
    """

    def __init__(
        self,
        sample_rate: int,
        speakers: Sequence[str],
        encoder: Encoder,
        bottleneck: Bottleneck,
        upsampling: Upsampling,
        decoder: WaveNet,
        jitter_probability: Fraction01 = 0.12,
        unknown_speaker_probability: Fraction01 = 0.05,
    ) -> None:
        super().__init__(sample_rate, speakers, decoder, unknown_speaker_probability)
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.upsampling = upsampling
        self.jitter_probability = jitter_probability
        self.alignment = Alignment(encoder.chain, upsampling.chain, decoder.chain)

    def forward(
        self, waveform: Tensor, speaker: Tensor, plan: WindowPlan, step: Step | None = None
    ) -> ModelOutput:
        bottleneck = self.bottleneck(self.latents(waveform, plan), step)
        speaker = self.drop_speakers(speaker, step)
        vectors = bottleneck.vectors  # (B * L, D, N)
        if step is not None:
            copies = self.bottleneck.samples_per_datapoint
            waveform = waveform.repeat_interleave(copies, dim=0)  # (B * L, slice_length)
            speaker = speaker.repeat_interleave(copies, dim=0)
            uniform = step.jitter.repeat_interleave(copies, dim=0)
            vectors = jitter(vectors, uniform, self.jitter_probability)
        return self.predict(bottleneck, vectors, waveform, speaker, plan)

    def window(self, num_targets: int) -> WindowPlan:
        return self.alignment.window(num_targets)

    @property
    def hop(self) -> Fraction:
        """Samples from one code to the next."""
        return self.alignment.code_hop

    def fit(self, waveforms: Iterable[Tensor]) -> None:
        self.encoder.fit(waveforms)

    def latents(self, waveform: Tensor, plan: WindowPlan) -> Tensor:
        """The encoder's output for a slice: (B, slice_length) int16 -> (B, C, N)."""
        return self.encoder(self.normalise(waveform[:, plan.encoder_input]))

    def predict(
        self,
        bottleneck: BottleneckOutput,
        vectors: Tensor,
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
    ) -> ModelOutput:
        """Predictions of `plan.targets` given `vectors` (B, D, N), whoever's they are."""
        levels = self.quantise_waveform(waveform)  # (B, slice_length)
        conditioning = self.upsampling(vectors)[..., : plan.num_vectors]
        logits = self.decoder(levels[:, plan.decoder_input], conditioning, speaker)
        return ModelOutput(logits, levels[:, plan.targets], bottleneck)
