"""No bottleneck: the decoder sees the encoder's output."""

from __future__ import annotations

from torch import Tensor

from wavenet_ae.bottlenecks.base import Bottleneck
from wavenet_ae.types import BottleneckOutput, Step


class Identity(Bottleneck):
    """Latents pass as they are, (B, C, N) -> (B, C, N); a rung that isolates the decoder."""

    def __init__(self, input_dim: int) -> None:
        super().__init__()
        self.dim = input_dim

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        return BottleneckOutput(latents, latents=latents)
