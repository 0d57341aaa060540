"""The waveform autoencoder (Chorowski et al. 2019; van den Oord et al. 2016, 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from wavenet_ae.alignment import Alignment, WindowPlan
from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.audio.files import FULL_SCALE
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.bounds import Fraction01
from wavenet_ae.decoders import WaveNet
from wavenet_ae.encoders import FrameEncoder
from wavenet_ae.nn.jitter import jitter
from wavenet_ae.nn.upsampling import Upsampling
from wavenet_ae.types import BottleneckOutput, ModelOutput, Step


class WaveformAutoencoder(nn.Module):
    """Waveform -> latents -> codes or vectors -> conditioning -> logits of each sample.

    speakers                     names, in the order of their rows; one more row is `unknown`
    jitter_probability           of a code being replaced by a neighbour, in training
    unknown_speaker_probability  of training an item as a speaker without a row
    """

    def __init__(
        self,
        sample_rate: int,
        speakers: Sequence[str],
        encoder: FrameEncoder,
        bottleneck: Bottleneck,
        upsampling: Upsampling,
        decoder: WaveNet,
        jitter_probability: Fraction01 = 0.12,
        unknown_speaker_probability: Fraction01 = 0.05,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.speakers = list(speakers)
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.upsampling = upsampling
        self.decoder = decoder
        self.jitter_probability = jitter_probability
        self.unknown_speaker_probability = unknown_speaker_probability
        self.levels = decoder.embedding.shape[0]
        self.alignment = Alignment(encoder.chain, upsampling.chain, decoder.chain)

    def forward(
        self, waveform: Tensor, speaker: Tensor, plan: WindowPlan, step: Step | None = None
    ) -> ModelOutput:
        """Waveform (B, slice_length) int16, speaker rows (B,) -> predictions of `plan.targets`.

        With a `step` this is training: jitter, sampled latents, statistics that follow.
        """
        bottleneck = self.bottleneck(self.latents(waveform, plan), step)
        copies = self.bottleneck.samples_per_datapoint if step is not None else 1
        if copies > 1:
            waveform = waveform.repeat_interleave(copies, dim=0)  # (B * L, slice_length)
            speaker = speaker.repeat_interleave(copies, dim=0)
        vectors = bottleneck.vectors
        if step is not None:
            vectors = jitter(
                vectors, step.jitter.repeat_interleave(copies, dim=0), self.jitter_probability
            )
            is_unknown = step.speaker_dropout < self.unknown_speaker_probability
            speaker = speaker.masked_fill(
                is_unknown.repeat_interleave(copies, dim=0), self.unknown_speaker
            )
        return self.predict(bottleneck, vectors, waveform, speaker, plan)

    @property
    def unknown_speaker(self) -> int:
        """The row of the speakers that have none."""
        return len(self.speakers)

    def speaker_row(self, name: str) -> int:
        """The row of a speaker, that of the unknown speaker where it has none."""
        return self.speakers.index(name) if name in self.speakers else self.unknown_speaker

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
        conditioning = self.upsampling(vectors)
        positions = plan.conditioning.stop - plan.conditioning.start
        num_vectors = -(-positions // plan.conditioning_hop)
        logits = self.decoder(
            levels[:, plan.decoder_input], conditioning[..., :num_vectors], speaker
        )
        return ModelOutput(logits, levels[:, plan.targets], bottleneck)

    def quantise_waveform(self, waveform: Tensor) -> Tensor:
        """int16 samples -> mu-law levels, int64 in [0, Q) (ITU-T G.711)."""
        return torchaudio.functional.mu_law_encoding(self.normalise(waveform), self.levels)

    def normalise(self, waveform: Tensor) -> Tensor:
        """int16 samples -> [-1, 1) in the precision of the weights."""
        return waveform.to(self.decoder.embedding.dtype) / FULL_SCALE
