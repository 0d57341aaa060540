"""What every model of waveforms is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor, nn

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.audio.io import FULL_SCALE, resample, to_int16
from wavenet_ae.decoders import WaveNet
from wavenet_ae.types import ModelOutput, Step


class WaveformModel(nn.Module):
    """Predicts each sample of a waveform from the samples before it, and from more.

    speakers                     names, in the order of their rows; one more row is `unknown`
    unknown_speaker_probability  of training an item as a speaker without a row
    """

    def __init__(
        self,
        sample_rate: int,
        speakers: Sequence[str],
        decoder: WaveNet,
        unknown_speaker_probability: float,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.speakers = list(speakers)
        self.decoder = decoder
        self.unknown_speaker_probability = unknown_speaker_probability
        self.levels = decoder.embedding.shape[0]

    def forward(
        self, waveform: Tensor, speaker: Tensor, plan: WindowPlan, step: Step | None = None
    ) -> ModelOutput:
        """Waveform (B, slice_length) int16, speaker rows (B,) -> predictions of `plan.targets`.

        With a `step` this is training: whatever is random or follows the data does so.
        """
        raise NotImplementedError

    def window(self, num_targets: int) -> WindowPlan:
        """The plan of a window of so many predicted samples."""
        raise NotImplementedError

    @property
    def hop(self) -> Fraction:
        """Samples of which the length of a training window is to be a multiple."""
        raise NotImplementedError

    def fit(self, waveforms: Iterable[Tensor]) -> None:
        """Set what is known from the training split's waveforms (B, T) alone; here, nothing."""

    @property
    def unknown_speaker(self) -> int:
        """The row of the speakers that have none."""
        return len(self.speakers)

    def speaker_row(self, name: str) -> int:
        """The row of a speaker, that of the unknown speaker where it has none."""
        return self.speakers.index(name) if name in self.speakers else self.unknown_speaker

    def drop_speakers(self, speaker: Tensor, step: Step | None) -> Tensor:
        """In training, some rows (B,) become that of the unknown speaker, so that it is learned."""
        if step is None:
            return speaker
        is_unknown = step.speaker_dropout < self.unknown_speaker_probability
        return speaker.masked_fill(is_unknown, self.unknown_speaker)

    def quantize_waveform(self, waveform: Tensor) -> Tensor:
        """int16 samples -> mu-law levels, int64 in [0, Q) (ITU-T G.711)."""
        return torchaudio.functional.mu_law_encoding(self.normalize(waveform), self.levels)

    def own_samples(self, waveform: Tensor | np.ndarray, rate: int) -> Tensor:
        """A recording (T,), int16 or floats of full scale 1, at `rate` Hz -> int16 at our rate."""
        samples = waveform.cpu().numpy() if isinstance(waveform, Tensor) else np.asarray(waveform)
        if samples.ndim != 1:
            raise ValueError(f"a waveform has one dimension, but this one has {samples.shape}")
        if samples.dtype == np.int16:
            samples = samples.astype(np.float32) / FULL_SCALE
        return torch.from_numpy(to_int16(resample(samples, rate, self.sample_rate))[0])

    def normalize(self, waveform: Tensor) -> Tensor:
        """int16 samples -> [-1, 1) in the precision of the weights."""
        return waveform.to(self.decoder.embedding.dtype) / FULL_SCALE
