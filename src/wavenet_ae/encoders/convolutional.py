"""Convolutions over features (Chorowski et al. 2019, arXiv 1901.08810, sec. III-A), or over the
waveform itself (van den Oord et al. 2017, arXiv 1711.00937, sec. 4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from wavenet_ae.audio.features import Features, crop
from wavenet_ae.encoders.base import Encoder
from wavenet_ae.geometry import Chain, Down
from wavenet_ae.nn.batch_norm import BatchNorm
from wavenet_ae.schema import Positive


class ConvBlock(nn.Module):
    """Valid convolution, optional batch normalization, ReLU, and a residual where shapes allow.

    (B, C_in, F) -> (B, C, F'); the residual is added after the ReLU, its input cropped.
    """

    def __init__(self, input_dim: int, dim: int, kernel: int, stride: int, norm: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(input_dim, dim, kernel, stride, bias=not norm)
        self.norm = BatchNorm(dim) if norm else nn.Identity()
        self.rectifier = nn.ReLU()
        self.is_residual = stride == 1 and input_dim == dim

    def forward(self, hidden: Tensor) -> Tensor:
        output = self.rectifier(self.norm(self.convolution(hidden)))
        return output + crop(hidden, output.shape[-1]) if self.is_residual else output


class ConvolutionalEncoder(Encoder):
    """Features, then a stack of valid convolutions: waveform (B, T) -> (B, dim, N).

    With `shortcut`, the center frames also reach the output by a linear map, and the stack's
    contribution starts at zero: an untrained stack destroys information before it has learned
    to keep it, and a codebook that starts from such outputs never recovers.
    """

    def __init__(
        self,
        features: Features,
        dim: Positive = 768,
        kernels: Sequence[Positive] = (3, 3, 4, 3, 3, 1, 1, 1, 1),
        strides: Sequence[Positive] = (1, 1, 2, 1, 1, 1, 1, 1, 1),
        batch_norm: bool = False,
        shortcut: bool = False,
    ) -> None:
        super().__init__()
        if not kernels:
            raise ValueError("encoder.kernels is empty: give one kernel and one stride, at least")
        if len(strides) != len(kernels):
            raise ValueError(f"the encoder has {len(strides)} strides but {len(kernels)} kernels")
        self.dim = dim
        self.features = features
        inputs = [features.dim] + [dim] * (len(kernels) - 1)
        self.blocks = nn.ModuleList(
            ConvBlock(input_dim, dim, kernel, stride, batch_norm)
            for input_dim, kernel, stride in zip(inputs, kernels, strides, strict=True)
        )
        layers = (Down(k, s, name="encoder") for k, s in zip(kernels, strides, strict=True))
        stack = Chain(tuple(layers))
        self.chain = features.chain + stack
        self.shortcut = (
            LinearShortcut(features.dim, dim, stack, prod(strides)) if shortcut else None
        )

    def forward(self, waveform: Tensor) -> Tensor:
        frames = self.features(waveform)
        hidden = frames
        for block in self.blocks:
            hidden = block(hidden)
        return hidden if self.shortcut is None else self.shortcut(frames, hidden)


class LinearShortcut(nn.Module):
    """`A frames + B hidden`, B starting at zero; frames (B, C, F), hidden (B, dim, N)."""

    def __init__(self, num_features: int, dim: int, stack: Chain, stride: int) -> None:
        super().__init__()
        # As many frames as a code spans, at the center of what the stack reads; one more where
        # that is needed for both to be centered on the same instant.
        self.kernel = stride + (stack.receptive_field - stride) % 2
        if self.kernel > stack.receptive_field:
            raise ValueError(
                f"encoder.shortcut reads {self.kernel} frames for a code, but the stack only "
                f"{stack.receptive_field}: raise encoder.kernels, lower encoder.strides or set "
                "encoder.shortcut=false"
            )
        self.linear = nn.Conv1d(num_features, dim, self.kernel, stride)
        self.stack_out = nn.Conv1d(dim, dim, 1)
        self.margin = (stack.receptive_field - self.kernel) // 2
        nn.init.orthogonal_(self.linear.weight)
        nn.init.zeros_(self.stack_out.weight)
        nn.init.zeros_(self.stack_out.bias)  # type: ignore[arg-type]

    def forward(self, frames: Tensor, hidden: Tensor) -> Tensor:
        direct = self.linear(frames[..., self.margin :])[..., : hidden.shape[-1]]
        return direct + self.stack_out(hidden)
