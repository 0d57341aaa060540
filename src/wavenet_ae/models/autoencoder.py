"""The waveform autoencoder (Chorowski et al. 2019; van den Oord et al. 2016, 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, overload

import numpy as np
from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.audio.waveforms import Waveform
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.decoders import Decoder
from wavenet_ae.encoders import Encoder
from wavenet_ae.engines import Sampling
from wavenet_ae.models.aligned import AlignedAutoencoder
from wavenet_ae.models.decoding import Codes, decode_utterances
from wavenet_ae.models.roles import OneStream
from wavenet_ae.models.smoothed_codes import encode_recordings
from wavenet_ae.nn.conditioning import Upsampling, jitter
from wavenet_ae.nn.normalization import SpeakerNorm
from wavenet_ae.schema import Fraction01
from wavenet_ae.stream_names import ONLY_STREAM
from wavenet_ae.targets import Target
from wavenet_ae.types import ModelOutput, Step


class WaveformAutoencoder(OneStream, AlignedAutoencoder):
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
        self.align()

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
        streams = {ONLY_STREAM: bottleneck}
        speaker = self.drop_speakers(speaker, step)
        vectors = bottleneck.vectors  # (B * L, D, N)
        if step is not None:
            copies = len(vectors) // len(waveform)  # L
            waveform = waveform.repeat_interleave(copies, dim=0)  # (B * L, slice_length)
            speaker = speaker.repeat_interleave(copies, dim=0)
            uniform = step.jitter.repeat_interleave(copies, dim=0)
            vectors = jitter(vectors, uniform, self.jitter_probability)
        output = self.predict(streams, {ONLY_STREAM: vectors}, waveform, speaker, plan)
        num_samples = plan.encoder_input.stop - plan.encoder_input.start
        masked = self.encoder.masked_latents(num_samples, self.input_randomness(step))
        return replace(output, latents=latents, masked=masked)

    def adapt(self, conditioning: Tensor, speaker: Tensor) -> Tensor:
        if self.speaker_norm is None:
            return conditioning
        return self.speaker_norm(conditioning, speaker)  # type: ignore[no-any-return]

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
        return decode_utterances(self, codes, speaker, sampling, seed, engine)
