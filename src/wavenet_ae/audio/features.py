"""Acoustic features as torch modules: computed on the device, on valid frames only."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.bounds import NonNegativeNumber, Positive, PositiveNumber
from wavenet_ae.geometry import Chain, Down


def regression_deltas(frames: Tensor, half_width: int) -> Tensor:
    """Slopes over `2 * half_width + 1` frames, (B, C, F) -> (B, C, F - 2 * half_width).

    The regression of Young et al., The HTK Book, eq. 5.16, without replicated edge frames.
    """
    offsets = torch.arange(-half_width, half_width + 1, dtype=frames.dtype, device=frames.device)
    kernel = offsets / (offsets * offsets).sum()
    channels = frames.shape[1]
    return F.conv1d(frames, kernel.expand(channels, 1, -1), groups=channels)


def crop(frames: Tensor, length: int) -> Tensor:
    """The middle `length` of (B, C, F); with an odd surplus, one frame more goes on the right."""
    start = (frames.shape[-1] - length) // 2
    return frames[..., start : start + length]


class MFCC(nn.Module):
    """Mel-frequency cepstral coefficients with deltas: (B, T) in [-1, 1] -> (B, dim, F).

    Frames are not centred and nothing is padded.  Coefficients are standardised by `mean` and
    `deviation`, buffers that `fit` sets from the training split.  Always in the precision of
    these buffers, outside autocast: log mel energies lose too much in bfloat16.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        sample_rate: int,
        num_coefficients: Positive = 13,
        num_mels: Positive = 80,
        window_seconds: PositiveNumber = 0.025,
        hop_seconds: PositiveNumber = 0.010,
        delta_half_width: Positive = 2,
        lowest_hz: NonNegativeNumber = 20.0,
    ) -> None:
        super().__init__()
        window, hop = round(window_seconds * sample_rate), round(hop_seconds * sample_rate)
        self.delta_half_width = delta_half_width
        self.dim = num_coefficients * 3
        # log_mels: torchaudio's default takes a maximum over the batch, so that an item's
        # features would depend on its neighbours.
        self.transform = torchaudio.transforms.MFCC(
            sample_rate,
            num_coefficients,
            log_mels=True,
            melkwargs={
                "n_fft": window,
                "win_length": window,
                "hop_length": hop,
                "n_mels": num_mels,
                "f_min": lowest_hz,
                "center": False,
            },
        )
        deltas = Down(2 * delta_half_width + 1, name="deltas")
        self.chain = Chain((Down(window, hop, name="mfcc frames"), deltas, deltas))
        self.register_buffer("mean", torch.zeros(self.dim, 1))
        self.register_buffer("deviation", torch.ones(self.dim, 1))

    def forward(self, waveform: Tensor) -> Tensor:
        return (self._raw(waveform) - self.mean) / self.deviation

    def _raw(self, waveform: Tensor) -> Tensor:
        with torch.autocast(waveform.device.type, enabled=False):
            static = self.transform(waveform.to(self.mean.dtype))  # (B, 13, F)
            delta = regression_deltas(static, self.delta_half_width)
            second = regression_deltas(delta, self.delta_half_width)
            length = second.shape[-1]
            return torch.cat([crop(static, length), crop(delta, length), second], dim=1)

    @torch.no_grad()
    def fit(self, waveforms: Iterable[Tensor]) -> None:
        """Set mean and deviation per coefficient from waveforms of the training split."""
        count = 0
        total, squares = (torch.zeros(self.dim, dtype=torch.float64) for _ in range(2))
        for waveform in waveforms:
            frames = self._raw(waveform).double().cpu()
            count += frames.shape[0] * frames.shape[2]
            total = total + frames.sum(dim=(0, 2))
            squares = squares + (frames * frames).sum(dim=(0, 2))
        if count < 2:
            raise ValueError("features cannot be standardised on fewer than two frames")
        mean = total / count
        variance = (squares / count - mean * mean).clamp_min(1e-8)
        self.mean.copy_(mean[:, None])
        self.deviation.copy_(variance.sqrt()[:, None])
