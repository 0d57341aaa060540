"""Acoustic features as torch modules: computed on the model's device, on valid frames only.

All features are standardized per channel: a mean is subtracted, and the rest divided by a standard
deviation of the training split. The mean is that of the training split, of the recording, or of all
recordings of its speaker; see `Features`. Features are computed in the precision of these
statistics, outside autocast: log energies lose too much in bfloat16.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Annotated, Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.geometry import Chain, Down
from wavenet_ae.schema import Above, AtLeast, AtMost, NonNegativeNumber, Width

NumMels = Annotated[int, AtLeast(1), AtMost(1024)]
FrameSeconds = Annotated[float, Above(0), AtMost(1)]
Normalization = Literal["corpus", "utterance", "speaker"]
ENERGY_FLOOR = 1e-6  # added to band energies before the logarithm, as in torchaudio's MFCC


def regression_deltas(frames: Tensor, half_width: int) -> Tensor:
    """Computes slopes over `2 * half_width + 1` frames (Young et al., The HTK Book, eq. 5.16).

    Unlike HTK, the first and last frames are not replicated: only valid frames are returned.

    Args:
        frames: `(B, C, F)`.
        half_width: Frames on either side of the center.

    Returns:
        `(B, C, F - 2 * half_width)`, the change per frame.
    """
    offsets = torch.arange(-half_width, half_width + 1, dtype=frames.dtype, device=frames.device)
    kernel = offsets / (offsets * offsets).sum()
    channels = frames.shape[1]
    return F.conv1d(frames, kernel.expand(channels, 1, -1), groups=channels)


def crop(frames: Tensor, length: int) -> Tensor:
    """Returns the middle frames; if the surplus is odd, one frame more is cut on the right.

    Args:
        frames: `(B, C, F)`.
        length: Frames to keep.

    Returns:
        `(B, C, length)`.
    """
    start = (frames.shape[-1] - length) // 2
    return frames[..., start : start + length]


class Features(nn.Module):
    """Base class of features, standardized per channel.

    Subclasses compute `raw` features. What a recording or its speaker is normalized by belongs to
    the whole recording, never to the window that is read of it: it is computed beforehand
    (`wavenet_ae.audio.feature_means`) and given to `forward`, so that a window of a recording has
    the features of the whole.

    Args:
        dim: Channels of a frame.
        chain: Geometry from waveform samples to frames.
        normalization: Whose mean is subtracted: that of the training split (`corpus`), of the
            recording (`utterance`), or, in training and its validation, of all recordings of the
            speaker (`speaker`). A recording that is encoded afterwards comes without others of its
            speaker, and is centered on its own mean.

    Attributes:
        mean: Buffer `(dim, 1)` that `fit` sets from the training split.
        deviation: Buffer `(dim, 1)` of standard deviations from the mean that is subtracted, set
            likewise.
        bands_hz: Where the channels are mel bands: lower edge of the lowest, upper edge of the
            highest.
    """

    mean: Tensor
    deviation: Tensor
    bands_hz: tuple[float, float] | None = None

    def __init__(self, dim: int, chain: Chain, normalization: Normalization = "corpus") -> None:
        super().__init__()
        self.dim, self.chain, self.normalization = dim, chain, normalization
        self.register_buffer("mean", torch.zeros(dim, 1))
        self.register_buffer("deviation", torch.ones(dim, 1))

    @property
    def needs_mean(self) -> bool:
        """Whether `forward` needs means of the recordings or of their speakers."""
        return self.normalization != "corpus"

    def forward(self, waveform: Tensor, feature_mean: Tensor | None = None) -> Tensor:
        """Returns standardized features.

        Args:
            waveform: `(B, T)` in [-1, 1].
            feature_mean: `(B, dim)` means that are subtracted; None for those of the corpus.

        Returns:
            `(B, dim, F)`.

        Raises:
            ValueError: If the means are missing, or there are some where none are used.
        """
        frames = self.frames(waveform)
        return (frames - self._center(feature_mean)) / self.deviation

    def frames(self, waveform: Tensor) -> Tensor:
        """Returns features `(B, dim, F)` of a waveform `(B, T)`, not standardized."""
        with torch.autocast(waveform.device.type, enabled=False):
            return self.raw(waveform.to(self.mean.dtype))

    def _center(self, feature_mean: Tensor | None) -> Tensor:
        """Returns what is subtracted, `(dim, 1)` or `(B, dim, 1)`."""
        if self.needs_mean != (feature_mean is not None):
            wants = "needs" if self.needs_mean else "takes no"
            raise ValueError(
                f"encoder.features.normalization={self.normalization} {wants} feature_mean"
            )
        return self.mean if feature_mean is None else feature_mean.to(self.mean)[..., None]

    def raw(self, waveform: Tensor) -> Tensor:
        """Returns features `(B, dim, F)` of a waveform `(B, T)`, not standardized."""
        raise NotImplementedError

    @torch.no_grad()
    def fit(
        self, waveforms: Iterable[Tensor], feature_means: Iterable[Tensor] | None = None
    ) -> None:
        """Sets the mean and the standard deviation of each channel.

        Args:
            waveforms: Waveforms `(B, T)` in [-1, 1] of the training split.
            feature_means: Means `(B, dim)` for each of them, as `forward` takes them; None for
                those of the corpus.

        Raises:
            ValueError: If the waveforms have fewer than two frames, or `forward` would refuse
                their means.
        """
        count = 0
        total, centered, squares = (torch.zeros(self.dim, dtype=torch.float64) for _ in range(3))
        centers = repeat(None) if feature_means is None else feature_means
        for waveform, center in zip(waveforms, centers, strict=feature_means is not None):
            frames = self.frames(waveform).double().cpu()
            count += frames.shape[0] * frames.shape[2]
            total = total + frames.sum(dim=(0, 2))
            if self.needs_mean:
                frames = frames - self._center(center).double().cpu()
            centered = centered + frames.sum(dim=(0, 2))
            squares = squares + (frames * frames).sum(dim=(0, 2))
        if count < 2:
            raise ValueError("features cannot be standardized on fewer than two frames")
        self.mean.copy_((total / count)[:, None])
        variance = (squares / count - (centered / count).square()).clamp_min(1e-8)
        self.deviation.copy_(variance.sqrt()[:, None])


class Waveform(Features):
    """The samples themselves, `(B, T)` to `(B, 1, T)`, for encoders with learned filters."""

    def __init__(self) -> None:
        super().__init__(dim=1, chain=Chain())

    def raw(self, waveform: Tensor) -> Tensor:
        return waveform[:, None]


def _framing(
    sample_rate: int, num_mels: int, window_seconds: float, hop_seconds: float, lowest_hz: float
) -> dict[str, Any]:
    """Arguments of torchaudio's spectrograms, with frames that are neither centered nor padded."""
    window = round(window_seconds * sample_rate)
    return {
        "n_fft": window,
        "win_length": window,
        "hop_length": round(hop_seconds * sample_rate),
        "n_mels": num_mels,
        "f_min": lowest_hz,
        "center": False,
    }


class LogMel(Features):
    """Natural logarithms of mel energies, `(B, T)` to `(B, num_mels, F)`.

    Args:
        sample_rate: Rate of the waveform in Hz.
        num_mels: Mel bands.
        window_seconds: Length of a frame.
        hop_seconds: Time from one frame to the next.
        lowest_hz: Lower edge of the lowest band.
        normalization: Whose mean is subtracted, see `Features`.
    """

    def __init__(
        self,
        sample_rate: int,
        num_mels: NumMels = 80,
        window_seconds: FrameSeconds = 0.025,
        hop_seconds: FrameSeconds = 0.010,
        lowest_hz: NonNegativeNumber = 20.0,
        normalization: Normalization = "corpus",
    ) -> None:
        framing = _framing(sample_rate, num_mels, window_seconds, hop_seconds, lowest_hz)
        frames = Down(framing["win_length"], framing["hop_length"], name="mel frames")
        super().__init__(num_mels, Chain((frames,)), normalization)
        self.bands_hz = (lowest_hz, float(sample_rate // 2))  # as torchaudio rounds it
        self.transform = torchaudio.transforms.MelSpectrogram(sample_rate, **framing)

    def raw(self, waveform: Tensor) -> Tensor:
        return (self.transform(waveform) + ENERGY_FLOOR).log()


class MFCC(Features):
    """Mel-frequency cepstral coefficients with deltas, `(B, T)` to `(B, 3 * num_coefficients, F)`.

    Deltas look ahead; without them, it is `(B, num_coefficients, F)`.

    Args:
        sample_rate: Rate of the waveform in Hz.
        num_coefficients: Cepstral coefficients; deltas and second deltas triple the channels.
        num_mels: Mel bands.
        window_seconds: Length of a frame.
        hop_seconds: Time from one frame to the next.
        delta_half_width: Frames on either side over which deltas are computed; None for no deltas.
        lowest_hz: Lower edge of the lowest band.
        normalization: Whose mean is subtracted, see `Features`.
    """

    def __init__(
        self,
        sample_rate: int,
        num_coefficients: Width = 13,
        num_mels: NumMels = 80,
        window_seconds: FrameSeconds = 0.025,
        hop_seconds: FrameSeconds = 0.010,
        delta_half_width: Width | None = 2,
        lowest_hz: NonNegativeNumber = 20.0,
        normalization: Normalization = "corpus",
    ) -> None:
        framing = _framing(sample_rate, num_mels, window_seconds, hop_seconds, lowest_hz)
        frames = Down(framing["win_length"], framing["hop_length"], name="mfcc frames")
        layers, dim = [frames], num_coefficients
        if delta_half_width is not None:
            layers += [Down(2 * delta_half_width + 1, name="deltas")] * 2
            dim = 3 * num_coefficients
        super().__init__(dim, Chain(tuple(layers)), normalization)
        self.delta_half_width = delta_half_width
        # log_mels: torchaudio's default takes a maximum over the batch, and an item's features
        # would depend on the other items.
        self.transform = torchaudio.transforms.MFCC(
            sample_rate, num_coefficients, log_mels=True, melkwargs=framing
        )

    def raw(self, waveform: Tensor) -> Tensor:
        static = self.transform(waveform)  # (B, num_coefficients, F + 4 * half_width)
        if self.delta_half_width is None:
            return static
        delta = regression_deltas(static, self.delta_half_width)  # (B, ., F + 2 * half_width)
        second = regression_deltas(delta, self.delta_half_width)  # (B, ., F)
        length = second.shape[-1]
        return torch.cat([crop(static, length), crop(delta, length), second], dim=1)
