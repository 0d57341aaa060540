"""The waveform autoencoder (Chorowski et al. 2019; van den Oord et al. 2016, 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.alignment import Alignment, WindowPlan
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.decoders import Decoder
from wavenet_ae.encoders import Encoder
from wavenet_ae.engines import Sampling, make_engine, stream_seed
from wavenet_ae.models.roles import (
    Autoencoder,
    CodeStream,
    Conditioning,
    predict_targets,
    targets_in,
)
from wavenet_ae.models.utterance import CodeConditioning, encode_utterance, synthesize
from wavenet_ae.nn.conditioning import Upsampling, jitter
from wavenet_ae.schema import Fraction01
from wavenet_ae.targets import Target
from wavenet_ae.types import BottleneckOutput, ModelOutput, Step


class WaveformAutoencoder(Autoencoder):
    """Reconstructs a waveform, target by target, from codes, past targets and the speaker.

    Args:
        sample_rate: Samples a second.
        speakers: Names of the speakers, in the order of their rows; one more row is the unknown
            speaker's.
        encoder: From the waveform to latents.
        bottleneck: From latents to codes and vectors.
        upsampling: From vectors to conditioning.
        target: What is predicted.
        decoder: Predicts it.
        jitter_probability: Probability of a vector being replaced by a neighbor, in training.
        unknown_speaker_probability: Share of training items whose speaker is made unknown.
    """

    def __init__(
        self,
        sample_rate: int,
        speakers: Sequence[str],
        encoder: Encoder,
        bottleneck: Bottleneck,
        upsampling: Upsampling,
        target: Target,
        decoder: Decoder,
        jitter_probability: Fraction01 = 0.12,
        unknown_speaker_probability: Fraction01 = 0.05,
    ) -> None:
        super().__init__(sample_rate, speakers, unknown_speaker_probability)
        self.target = target
        self.decoder = decoder
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.upsampling = upsampling
        self.jitter_probability = jitter_probability
        self.alignment = Alignment(encoder.chain, upsampling.chain, decoder.chain, target.chain)

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

    def predict(
        self,
        bottleneck: BottleneckOutput,
        vectors: Tensor,
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
    ) -> ModelOutput:
        targets = self.target(waveform[:, plan.target_input])
        conditioning = self.upsampling(vectors)[..., : plan.num_vectors]
        return predict_targets(self.decoder, targets, conditioning, speaker, plan, bottleneck)

    def window(self, num_samples: int) -> WindowPlan:
        return self.alignment.window(targets_in(num_samples, self.alignment.target_hop))

    @property
    def hop(self) -> Fraction:
        """Samples from one code to the next."""
        return self.alignment.code_hop

    @property
    def code_streams(self) -> tuple[CodeStream, ...]:
        return (CodeStream("codes", self.bottleneck, self.alignment.code_grid),)

    def fit(self, waveforms: Iterable[Tensor]) -> None:
        self.encoder.fit(waveforms)

    def encode(self, waveform: Tensor | np.ndarray, rate: int) -> Tensor:
        """Returns the codes of a recording, one a code hop.

        Args:
            waveform: Samples (T,), int16 or floats of full scale 1.
            rate: Their sample rate in Hz.

        Returns:
            Codes (N,), or (H, N) of several codebooks, int64; of a continuous bottleneck, vectors
            (D, N).

        Raises:
            ValueError: The recording has no samples or more than one dimension.
        """
        return encode_utterance(self, self.own_samples(waveform, rate).to(self.device))

    def decode(
        self,
        codes: Tensor,
        speaker: str | None = None,
        sampling: Sampling | None = None,
        seed: int = 0,
        engine: str = "auto",
    ) -> np.ndarray:
        """Returns the waveform (T,) int16, at the model's rate, that is sampled from codes.

        Args:
            codes: Codes or vectors as `encode` returns them.
            speaker: Name of the speaker; None, or a name without a row, is the unknown speaker.
            sampling: Changes to the predicted distribution; None samples from it as it is.
            seed: Seed of the random numbers.
            engine: How the decoder is stepped, see `wavenet_ae.engines`.
        """
        row = self.unknown_speaker if speaker is None else self.speaker_row(speaker)
        chunks = synthesize(
            self,
            make_engine(engine, self.decoder),
            CodeConditioning(self, [codes]),
            torch.tensor([row]),
            [stream_seed(seed, "")],
            sampling or Sampling(),
        )
        return np.concatenate([chunk for (chunk,) in chunks])

    def conditioning(
        self, codes: Sequence[Tensor] | None, num_samples: Sequence[int]
    ) -> Conditioning:
        if codes is None:
            raise ValueError("an autoencoder is conditioned on codes, but none are given")
        conditioning = CodeConditioning(self, list(codes))
        conditioning.num_samples = list(num_samples)
        return conditioning
