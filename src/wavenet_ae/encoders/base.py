"""What every encoder is."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from wavenet_ae.audio.features import Features
from wavenet_ae.geometry import Chain


class Encoder(nn.Module):
    """Waveform (B, T) in [-1, 1] -> latents (B, dim, N); `chain` is its geometry."""

    dim: int
    chain: Chain
    features: Features

    def forward(self, waveform: Tensor) -> Tensor:
        raise NotImplementedError

    def fit(self, waveforms: Iterable[Tensor]) -> None:
        """Standardize the features on waveforms of the training split."""
        self.features.fit(waveforms)
