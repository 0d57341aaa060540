"""The waveform autoencoder (Chorowski et al. 2019; van den Oord et al. 2016, 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeAlias, overload

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.alignment import Alignment, WindowPlan
from wavenet_ae.audio.waveforms import Waveform
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.decoders import Decoder
from wavenet_ae.encoders import Encoder
from wavenet_ae.engines import Engine, Sampling, make_engine, stream_seed
from wavenet_ae.errors import ArgumentError
from wavenet_ae.models.inputs import (
    checked_codes,
    checked_speakers,
    code_dimensions,
    is_batch,
)
from wavenet_ae.models.prediction import predict_targets, targets_in
from wavenet_ae.models.roles import Autoencoder, Conditioning
from wavenet_ae.models.smoothed_codes import encode_recordings
from wavenet_ae.models.utterance import CodeConditioning, synthesize
from wavenet_ae.nn.batch_norm import evaluation_mode
from wavenet_ae.nn.conditioning import Upsampling, jitter
from wavenet_ae.nn.speaker_norm import SpeakerNorm
from wavenet_ae.schema import Fraction01
from wavenet_ae.targets import Target
from wavenet_ae.types import BottleneckOutput, ModelOutput, Step

Codes: TypeAlias = Tensor | np.ndarray | list[int]


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
        speaker_norm: Whether to normalize the conditioning by the decoder's speaker, see
            `SpeakerNorm`.
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
        speaker_norm: bool = False,
    ) -> None:
        super().__init__(sample_rate, speakers, unknown_speaker_probability)
        self.target = target
        self.decoder = decoder
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.upsampling = upsampling
        self.jitter_probability = jitter_probability
        self.speaker_norm = SpeakerNorm(upsampling.dim, len(speakers) + 1) if speaker_norm else None
        self.alignment = Alignment(encoder.chain, upsampling.chain, decoder.chain, target.chain)

    def forward(
        self,
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
        step: Step | None = None,
        feature_mean: Tensor | None = None,
    ) -> ModelOutput:
        latents = self.latents(waveform, plan, step, feature_mean)
        own_step = step if self.bottleneck.training else None  # a frozen one takes no step
        bottleneck = self.bottleneck(latents, own_step)
        speaker = self.drop_speakers(speaker, step)
        vectors = bottleneck.vectors  # (B * L, D, N)
        if step is not None:
            copies = len(vectors) // len(waveform)  # L
            waveform = waveform.repeat_interleave(copies, dim=0)  # (B * L, slice_length)
            speaker = speaker.repeat_interleave(copies, dim=0)
            uniform = step.jitter.repeat_interleave(copies, dim=0)
            vectors = jitter(vectors, uniform, self.jitter_probability)
        output = self.predict(bottleneck, vectors, waveform, speaker, plan)
        num_samples = plan.encoder_input.stop - plan.encoder_input.start
        masked = self.encoder.masked_latents(num_samples, self.input_randomness(step))
        return replace(output, latents=latents, masked=masked)

    def predict(
        self,
        bottleneck: BottleneckOutput,
        vectors: Tensor,
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
    ) -> ModelOutput:
        targets = self.target(waveform[:, plan.target_input])
        conditioning = self.adapt(self.upsampling(vectors)[..., : plan.num_vectors], speaker)
        output = predict_targets(self.decoder, targets, conditioning, speaker, plan)
        return replace(output, bottleneck=bottleneck)

    def adapt(self, conditioning: Tensor, speaker: Tensor) -> Tensor:
        if self.speaker_norm is None:
            return conditioning
        return self.speaker_norm(conditioning, speaker)  # type: ignore[no-any-return]

    def window(self, num_samples: int) -> WindowPlan:
        return self.alignment.window(targets_in(num_samples, self.alignment.target_hop))

    @property
    def hop(self) -> Fraction:
        """Samples from one code to the next."""
        return self.alignment.code_hop

    @overload
    def encode(self, waveform: Waveform, rate: int, smoothing: float = 0.0) -> Tensor: ...

    @overload
    def encode(
        self, waveform: Sequence[Waveform], rate: int, smoothing: float = 0.0
    ) -> list[Tensor]: ...

    def encode(self, waveform: Any, rate: int, smoothing: float = 0.0) -> Tensor | list[Tensor]:
        """Returns the codes of a recording, one a code hop, or those of each of several.

        They are those of evaluation mode; the mode of the model stays as it is.

        Args:
            waveform: Samples (T,), int16, int32, uint8, or floats of full scale 1 (see
                `wavenet_ae.audio.waveforms`), or a list of such recordings.
            rate: Their sample rate in Hz.
            smoothing: Price of a change of code, 2 or 3 for runs about as long as phones; 0: each
                code is the nearest one. See `wavenet_ae.models.smoothed_codes`.

        Returns:
            Codes (N,), or (H, N) of several codebooks, int64; of a continuous bottleneck, vectors
            (D, N). For a list, a list with what each recording has alone.

        Raises:
            ArgumentError: Samples or rate cannot be used: another type or shape, none, NaN. Or
                codes are to be smoothed that cannot be.
        """
        return encode_recordings(self, waveform, rate, smoothing)

    @overload
    def decode(
        self,
        codes: Codes,
        speaker: str | None = None,
        sampling: Sampling | None = None,
        seed: int = 0,
        engine: str = "auto",
    ) -> np.ndarray: ...

    @overload
    def decode(
        self,
        codes: Sequence[Codes],
        speaker: str | Sequence[str | None] | None = None,
        sampling: Sampling | None = None,
        seed: int = 0,
        engine: str = "auto",
    ) -> list[np.ndarray]: ...

    def decode(
        self,
        codes: Any,
        speaker: str | Sequence[str | None] | None = None,
        sampling: Sampling | None = None,
        seed: int = 0,
        engine: str = "auto",
    ) -> np.ndarray | list[np.ndarray]:
        """Returns the waveform that is sampled from codes, or those of several utterances.

        Args:
            codes: Codes or vectors as `encode` returns them, or as an array or lists of the same
                shape, or a list of several utterances.
            speaker: Name of the speaker. None, and "unknown" where no speaker is called so, are
                the unknown speaker. For several utterances, one name, or a list of one for each.
            sampling: Changes to the predicted distribution; None samples from it as it is.
            seed: Seed of the random numbers, those of each utterance.
            engine: How the decoder is stepped, see `wavenet_ae.engines`.

        Returns:
            Samples (T,) int16 at the model's rate. For a list, a list with what each utterance has
            alone.

        Raises:
            ArgumentError: The codes cannot be those of this model, or it does not know the speaker.
            UserError: The engine or the sampling cannot be used with this model.
        """
        several = is_batch(codes, code_dimensions(self))
        given = codes if several else [codes]
        names = [f"codes[{i}]" for i in range(len(given))] if several else ["codes"]
        checked = [checked_codes(self, *each) for each in zip(given, names, strict=True)]
        if isinstance(speaker, list | tuple) and not several:
            raise ArgumentError(
                f"speaker is {speaker!r}, but there is one utterance: give one name"
            )
        speakers = checked_speakers(self, speaker, len(checked))
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise ArgumentError(f"seed is {seed!r}, but must be a whole number")
        if not isinstance(sampling, Sampling | None):
            raise ArgumentError(f"sampling is {sampling!r}, but must be a Sampling, or None")
        stepped = make_engine(engine, self.decoder)
        with evaluation_mode(self):
            sounds = [
                self._sound(each, name, stepped, sampling or Sampling(), int(seed))
                for each, name in zip(checked, speakers, strict=True)
            ]
        return sounds if several else sounds[0]

    def _sound(
        self, codes: Tensor, speaker: str | None, engine: Engine, sampling: Sampling, seed: int
    ) -> np.ndarray:
        """Returns the waveform (T,) int16 of one utterance."""
        row = self.unknown_speaker if speaker is None else self.speaker_row(speaker)
        conditioning = CodeConditioning(self, [codes])
        seeds, rows = [stream_seed(seed, "")], torch.tensor([row])
        chunks = synthesize(self, engine, conditioning, rows, seeds, sampling)
        return np.concatenate([chunk for (chunk,) in chunks])

    def conditioning(
        self, codes: Sequence[Tensor] | None, num_samples: Sequence[int]
    ) -> Conditioning:
        if codes is None:
            raise ValueError("an autoencoder is conditioned on codes, but none are given")
        conditioning = CodeConditioning(self, list(codes))
        conditioning.num_samples = list(num_samples)
        return conditioning
