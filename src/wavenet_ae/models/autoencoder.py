"""The waveform autoencoder (Chorowski et al. 2019; van den Oord et al. 2016, 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.alignment import Alignment, WindowPlan
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.decoders import WaveNet
from wavenet_ae.encoders import Encoder
from wavenet_ae.engines import Sampling, make_engine, stream_seed
from wavenet_ae.models.base import WaveformModel
from wavenet_ae.models.sampling import synthesize
from wavenet_ae.models.utterance import CodeConditioning, encode_utterance
from wavenet_ae.nn.jitter import jitter
from wavenet_ae.nn.upsampling import Upsampling
from wavenet_ae.schema import Fraction01
from wavenet_ae.types import BottleneckOutput, ModelOutput, Step


class WaveformAutoencoder(WaveformModel):
    """Waveform -> latents -> codes or vectors -> conditioning -> logits of each sample.

    speakers                     names, in the order of their rows; one more row is `unknown`
    jitter_probability           of a code being replaced by a neighbor, in training
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

    def encode(self, waveform: Tensor | np.ndarray, rate: int) -> Tensor:
        """A recording (T,), int16 or floats of full scale 1, at `rate` Hz -> codes (N,) or (Q, N)
        int64, one a code hop; of a continuous bottleneck, vectors (D, N).

        Raises ValueError where it has no samples or more than one dimension.
        """
        samples = self.own_samples(waveform, rate)
        return encode_utterance(self, samples.to(self.decoder.embedding.device))

    def decode(
        self,
        codes: Tensor,
        speaker: str | None = None,
        sampling: Sampling | None = None,
        seed: int = 0,
        engine: str = "auto",
    ) -> np.ndarray:
        """Codes or vectors, as `encode` gives them -> samples (T,) int16 at the model's rate.

        speaker   whose voice; None, or a name that the model does not know: the unknown speaker's
        sampling  how samples are drawn; None: from the model's own distribution
        """
        conditioning = CodeConditioning(self, [codes])
        row = self.unknown_speaker if speaker is None else self.speaker_row(speaker)
        chunks = synthesize(
            self,
            make_engine(engine, self.decoder),
            conditioning,
            torch.tensor([row]),
            [stream_seed(seed, "")],
            sampling or Sampling(),
        )
        return np.concatenate([chunk for (chunk,) in chunks])

    def latents(self, waveform: Tensor, plan: WindowPlan) -> Tensor:
        """The encoder's output for a slice: (B, slice_length) int16 -> (B, C, N)."""
        return self.encoder(self.normalize(waveform[:, plan.encoder_input]))

    def predict(
        self,
        bottleneck: BottleneckOutput,
        vectors: Tensor,
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
    ) -> ModelOutput:
        """Predictions of `plan.targets` given `vectors` (B, D, N), whoever's they are."""
        levels = self.quantize_waveform(waveform)  # (B, slice_length)
        conditioning = self.upsampling(vectors)[..., : plan.num_vectors]
        logits = self.decoder(levels[:, plan.decoder_input], conditioning, speaker)
        return ModelOutput(logits, levels[:, plan.targets], bottleneck)
