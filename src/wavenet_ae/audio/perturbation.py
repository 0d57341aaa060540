"""Random changes of an encoder's input in training: of the waveform, then of the features.

    waveform --noise--> features --warp, equalizer, masks of time and bands--> layers

What an encoder learns in spite of them depends less on background noise, on the length of the vocal
tract and on the frequency response of the channel; what is masked has to be told from its
surroundings. The targets that a decoder reconstructs are never changed.

Every function takes its random numbers as an argument: `training/step_randomness.py` samples them
from the position in the data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor, nn

from wavenet_ae.audio.features import Features
from wavenet_ae.schema import (
    AtLeast,
    AtMost,
    Fraction01,
    NonNegative,
    NonNegativeNumber,
    PositiveNumber,
)
from wavenet_ae.types import InputRandomness

NUM_COSINES = 4  # of the equalizer's gain
HIGHEST_LINEAR = 0.6  # fraction of the highest frequency up to which the warp is linear
NATS_PER_DB = math.log(10) / 10  # of energy

Warp = Annotated[float, AtLeast(0), AtMost(0.5)]


def add_noise(waveform: Tensor, noise: Tensor, snr_db: Tensor) -> Tensor:
    """Adds noise at a signal-to-noise ratio to each waveform; silence stays silence.

    Args:
        waveform: `(B, T)`.
        noise: `(B, T)` of unit variance.
        snr_db: `(B,)` energy of the waveform over that of its noise, in dB.
    """
    level = waveform.square().mean(dim=1).sqrt() * 10 ** (-snr_db / 20)  # (B,)
    return waveform + level[:, None] * noise


def warp_bands(frames: Tensor, bands_hz: tuple[float, float], factor: Tensor) -> Tensor:
    """Warps the mel axis as if the vocal tract had another length (Jaitly and Hinton 2013, VTLP).

    A band takes its value from where its center `f` lies after warping, between the two bands
    nearest to it, for the highest frequency S and `F = 0.6 S`:

        G(f) = a f                                                       if f <= F min(a, 1) / a
               S - (S - F min(a, 1)) / (S - F min(a, 1) / a) (S - f)     else

    Args:
        frames: `(B, C, F)` energies of C mel bands, in logarithms.
        bands_hz: Lower edge of the lowest band, and upper edge of the highest.
        factor: `(B,)` the factor a of each item; above 1, formants move down.

    Returns:
        `(B, C, F)`.
    """
    num_bands, (lowest, highest) = frames.shape[1], bands_hz
    edges = torch.linspace(_mel(lowest), _mel(highest), num_bands + 2, dtype=torch.float64)
    centers = (700 * (10 ** (edges[1:-1] / 2595) - 1)).to(frames)  # (C,) Hz
    a = factor[:, None].to(frames)
    bend = HIGHEST_LINEAR * highest * a.clamp(max=1)  # (B, 1) where the linear part ends, warped
    slope = (highest - bend) / (highest - bend / a)
    warped = torch.where(centers <= bend / a, a * centers, highest - slope * (highest - centers))
    mels = 2595 * torch.log10(1 + warped / 700)  # (B, C)
    place = (mels - float(edges[1])) / float(edges[1] - edges[0])  # in bands
    place = place.clamp(0, num_bands - 1)
    below = place.floor().long().clamp(max=max(0, num_bands - 2))
    above = (below + 1).clamp(max=num_bands - 1)
    share = (place - below)[..., None]
    low, high = (frames.gather(1, each[..., None].expand_as(frames)) for each in (below, above))
    return low + share * (high - low)


def _mel(hz: float) -> float:
    """Mels of a frequency, by the formula of torchaudio's filters."""
    return 2595 * math.log10(1 + hz / 700)


def equalizer_gain(coefficients: Tensor, num_bands: int) -> Tensor:
    """Returns gains `(B, num_bands)`: sums of cosines over the mel axis, the first a constant.

    Args:
        coefficients: `(B, K)` of each cosine.
        num_bands: Bands of the gain.
    """
    place = torch.linspace(0, math.pi, num_bands, dtype=torch.float64).to(coefficients)
    orders = torch.arange(coefficients.shape[1]).to(coefficients)
    return coefficients @ torch.cos(orders[:, None] * place)


def masks(start: Tensor, length: Tensor, count: Tensor, size: int) -> Tensor:
    """Marks intervals.

    Args:
        start: `(B, K)` uniform in [0, 1): where each interval lies, of the places that it has.
        length: `(B, K)` whole numbers, at most `size`.
        count: `(B,)` how many of each item's intervals are marked.
        size: Places.

    Returns:
        `(B, size)`, whether each place lies in any of the intervals.
    """
    first = (start * (size - length + 1)).floor()[..., None]  # (B, K, 1)
    place = torch.arange(size, device=start.device)
    is_inside = (place >= first) & (place < first + length[..., None])  # (B, K, size)
    is_counted = torch.arange(start.shape[1], device=start.device) < count[:, None]
    return (is_inside & is_counted[..., None]).any(dim=1)


class Perturbation(nn.Module):
    """Perturbs the input of an encoder in training; by default, nothing.

    The warp, the equalizer and the masks of bands need features that are mel bands. They change the
    standardized features: the warp leaves the mean spectrum as it is, and masked values are 0, the
    mean.

    Args:
        sample_rate: Rate of the waveform in Hz.
        noise_snr_db: Lowest and highest signal-to-noise ratio of white noise; None for no noise.
        max_warp: Largest relative change of frequencies, such as 0.2 for factors of 0.8 to 1.2.
        equalizer_db: Standard deviation of each of the four cosines of a smooth gain over bands.
        time_mask_fraction: Fraction of the frames that masks cover, where they do not overlap.
        time_mask_seconds: Mean length of a mask; lengths are 0.5 to 1.5 times as long.
        num_band_masks: Masks of neighboring bands.
        max_masked_bands: Fraction of the bands that such a mask covers at most; 0 to this are
            equally probable (SpecAugment, Park et al. 2019, arXiv 1904.08779).

    Raises:
        ValueError: If `noise_snr_db` is not a lowest and a highest ratio.
    """

    def __init__(
        self,
        sample_rate: int,
        noise_snr_db: Sequence[float] | None = None,
        max_warp: Warp = 0.0,
        equalizer_db: NonNegativeNumber = 0.0,
        time_mask_fraction: Fraction01 = 0.0,
        time_mask_seconds: PositiveNumber = 0.16,
        num_band_masks: NonNegative = 0,
        max_masked_bands: Fraction01 = 0.25,
    ) -> None:
        super().__init__()
        if noise_snr_db is not None and (
            len(noise_snr_db) != 2 or not noise_snr_db[0] <= noise_snr_db[1]
        ):
            raise ValueError(
                f"encoder.perturbation.noise_snr_db is {[*noise_snr_db]}: set the lowest and the "
                "highest ratio in dB, such as [10,30], or null"
            )
        self.sample_rate = sample_rate
        self.noise_snr_db = noise_snr_db
        self.max_warp, self.equalizer_db = max_warp, equalizer_db
        self.time_mask_fraction = time_mask_fraction
        self.time_mask_seconds = time_mask_seconds
        self.num_band_masks, self.max_masked_bands = num_band_masks, max_masked_bands

    def usable_with(self, features: Features) -> Perturbation | None:
        """Returns itself, or None if it changes nothing.

        Raises:
            ValueError: If something needs mel bands, but the features are none.
        """
        of_bands = {
            "max_warp": self.max_warp,
            "equalizer_db": self.equalizer_db,
            "num_band_masks": self.num_band_masks,
        }
        if features.bands_hz is None and any(of_bands.values()):
            name = next(name for name, value in of_bands.items() if value)
            raise ValueError(
                f"encoder.perturbation.{name} is {of_bands[name]}, but {type(features).__name__} "
                f"has no mel bands: set encoder/features=log_mel, or encoder.perturbation.{name}=0"
            )
        is_on = self.noise_snr_db is not None or self.time_mask_fraction or any(of_bands.values())
        return self if is_on else None

    def num_uniforms(self, features: Features, num_samples: int) -> int:
        """Returns how many random numbers an item of so many samples needs, besides its noise."""
        most = self._most_time_masks(features, features.chain.output_length(num_samples))
        return 1 + 1 + NUM_COSINES + 1 + 2 * most + 2 * self.num_band_masks

    def num_noise_samples(self, num_samples: int) -> int:
        """Returns how many normal numbers an item of so many samples needs."""
        return 0 if self.noise_snr_db is None else num_samples

    def waveform(self, waveform: Tensor, random: InputRandomness) -> Tensor:
        """Returns waveforms `(B, T)` with noise."""
        if self.noise_snr_db is None:
            return waveform
        assert random.noise is not None
        low, high = self.noise_snr_db
        ratio = low + (high - low) * random.uniform[:, 0]
        return add_noise(waveform, random.noise.to(waveform), ratio.to(waveform))

    def frames(self, frames: Tensor, features: Features, random: InputRandomness) -> Tensor:
        """Returns standardized features `(B, C, F)`, changed.

        Args:
            frames: The features.
            features: What computed them.
            random: Numbers of the step.
        """
        uniform, num_bands = random.uniform, frames.shape[1]
        if self.max_warp:
            assert features.bands_hz is not None
            frames = warp_bands(
                frames, features.bands_hz, 1 + self.max_warp * (2 * uniform[:, 1] - 1)
            )
        if self.equalizer_db:
            # Uniform numbers are multiples of 2^-24; half of that keeps the quantile finite.
            normal = torch.special.ndtri(uniform[:, 2 : 2 + NUM_COSINES].double() + 2**-25)
            gain = equalizer_gain(self.equalizer_db * NATS_PER_DB * normal, num_bands)
            frames = frames + gain.to(frames)[..., None] / features.deviation
        if self.time_mask_fraction:
            is_masked = self.masked_frames(features, frames.shape[2], random)
            frames = frames.masked_fill(is_masked[:, None], 0)
        if self.num_band_masks:
            place, size = uniform[:, -2 * self.num_band_masks :].chunk(2, dim=1)
            widest = math.floor(self.max_masked_bands * num_bands)
            count = torch.full((len(frames),), self.num_band_masks, device=frames.device)
            is_masked = masks(place, (size * (widest + 1)).floor(), count, num_bands)
            frames = frames.masked_fill(is_masked[..., None], 0)
        return frames

    def masked_frames(self, features: Features, num_frames: int, random: InputRandomness) -> Tensor:
        """Returns which frames of a step are masked, `(B, num_frames)`."""
        most = self._most_time_masks(features, num_frames)
        first = 2 + NUM_COSINES
        uniform = random.uniform[:, first : first + 1 + 2 * most]
        mean = self._mean_mask(features)
        count = (self._expected_masks(features, num_frames) + uniform[:, 0]).floor()
        place, size = uniform[:, 1:].chunk(2, dim=1)  # (B, K) each
        length = ((0.5 + size) * mean).round().clamp(1, max(1, num_frames))
        return masks(place, length, count, num_frames)

    def _mean_mask(self, features: Features) -> float:
        """Returns the mean number of frames of a mask."""
        return self.time_mask_seconds * self.sample_rate / float(features.chain.grid().spacing)

    def _expected_masks(self, features: Features, num_frames: int) -> float:
        return self.time_mask_fraction * num_frames / self._mean_mask(features)

    def _most_time_masks(self, features: Features, num_frames: int) -> int:
        return math.floor(self._expected_masks(features, num_frames)) + 1
