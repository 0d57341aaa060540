"""Encoder of valid convolutions over features or over the waveform.

Over features, it follows Chorowski et al. 2019 (arXiv 1901.08810, sec. III-A); over the waveform,
van den Oord et al. 2017 (arXiv 1711.00937, sec. 4.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

from torch import Tensor, nn

from wavenet_ae.audio.features import Features, crop
from wavenet_ae.audio.perturbation import Perturbation
from wavenet_ae.encoders.base import Encoder
from wavenet_ae.geometry import Chain, Down
from wavenet_ae.nn.normalization import BatchNorm, LayerNorm
from wavenet_ae.schema import Width
from wavenet_ae.types import InputRandomness

Norm = Literal["none", "batch", "layer"]
NORMS: dict[Norm, type[nn.Module]] = {"none": nn.Identity, "batch": BatchNorm, "layer": LayerNorm}


class ConvBlock(nn.Module):
    """Valid convolution, normalization and ReLU, with a residual connection if possible.

    It maps `(B, input_dim, F)` to `(B, dim, F')`. The residual is the input, cropped, added after
    the ReLU.

    Args:
        input_dim: Channels of the input.
        dim: Channels of the output.
        kernel: Filter length.
        stride: Stride; only blocks of stride 1 and equal channels have a residual connection.
        dilation: Frames from one tap of the filter to the next.
        norm: What follows the convolution, see `ConvolutionalEncoder`.
    """

    def __init__(
        self, input_dim: int, dim: int, kernel: int, stride: int, dilation: int, norm: Norm
    ) -> None:
        super().__init__()
        # Batch normalization subtracts a bias again; layer normalization does not.
        has_bias = norm != "batch"
        self.convolution = nn.Conv1d(
            input_dim, dim, kernel, stride, dilation=dilation, bias=has_bias
        )
        self.norm = NORMS[norm](dim)
        self.rectifier = nn.ReLU()
        self.is_residual = stride == 1 and input_dim == dim

    def forward(self, hidden: Tensor) -> Tensor:
        """Returns `(B, dim, F')` of `(B, input_dim, F)`."""
        output = self.rectifier(self.norm(self.convolution(hidden)))
        return output + crop(hidden, output.shape[-1]) if self.is_residual else output


class ConvolutionalEncoder(Encoder):
    """Features, then a stack of valid convolutions: waveform `(B, T)` to latents `(B, dim, N)`.

    With `shortcut`, the center frames also reach the output through a linear map, and the stack's
    contribution starts at zero. An untrained stack destroys information before it has learned to
    keep it, and a codebook that is initialized from such outputs never recovers.

    Args:
        features: Features that the first convolution reads.
        dim: Channels of every convolution.
        kernels: Filter length of each convolution.
        strides: Stride of each convolution.
        dilations: Frames from one tap of each convolution's filter to the next; None for 1.
        norm: What follows each convolution: `batch` normalization, `layer` normalization of each
            position over its channels, or `none`.
        shortcut: Whether to add the linear map.
        perturbation: Random changes of the input in training; None for none.

    Raises:
        ValueError: If there is no kernel, there are not as many strides or dilations as kernels, or
            the shortcut needs more frames than the stack reads.
    """

    def __init__(
        self,
        features: Features,
        dim: Width = 768,
        kernels: Sequence[Width] = (3, 3, 4, 3, 3, 1, 1, 1, 1),
        strides: Sequence[Width] = (1, 1, 2, 1, 1, 1, 1, 1, 1),
        dilations: Sequence[Width] | None = None,
        norm: Norm = "none",
        shortcut: bool = False,
        perturbation: Perturbation | None = None,
    ) -> None:
        super().__init__()
        if not kernels:
            raise ValueError("encoder.kernels is empty: set at least one kernel and one stride")
        if len(strides) != len(kernels):
            raise ValueError(
                f"the encoder has {len(strides)} strides but {len(kernels)} kernels: list one "
                "stride and one kernel for each convolution"
            )
        dilations = [1] * len(kernels) if dilations is None else dilations
        if len(dilations) != len(kernels):
            raise ValueError(
                f"the encoder has {len(dilations)} dilations but {len(kernels)} kernels: list one "
                "dilation for each convolution, or set encoder.dilations=null"
            )
        self.dim = dim
        self.features = features
        self.perturbation = perturbation and perturbation.usable_with(features)
        inputs = [features.dim] + [dim] * (len(kernels) - 1)
        sizes = [*zip(kernels, strides, dilations, strict=True)]
        self.blocks = nn.ModuleList(
            ConvBlock(input_dim, dim, *size, norm)
            for input_dim, size in zip(inputs, sizes, strict=True)
        )
        stack = Chain(tuple(Down(*size, name="encoder") for size in sizes))
        self.chain = features.chain + stack
        self.shortcut = (
            LinearShortcut(features.dim, dim, stack, prod(strides)) if shortcut else None
        )

    def forward(
        self,
        waveform: Tensor,
        feature_mean: Tensor | None = None,
        random: InputRandomness | None = None,
    ) -> Tensor:
        """Returns latents `(B, dim, N)` of a waveform `(B, T)` in [-1, 1]."""
        frames = self.input_frames(waveform, feature_mean, random)
        hidden = frames
        for block in self.blocks:
            hidden = block(hidden)
        return hidden if self.shortcut is None else self.shortcut(frames, hidden)


class LinearShortcut(nn.Module):
    """Sum of two linear maps, `A frames + B hidden`; B starts at zero.

    Args:
        num_features: Channels of the frames.
        dim: Channels of the stack's output and of the sum.
        stack: Geometry of the stack, from frames to its output.
        stride: Total stride of the stack.

    Raises:
        ValueError: If the map would read more frames per code than the stack does.
    """

    def __init__(self, num_features: int, dim: int, stack: Chain, stride: int) -> None:
        super().__init__()
        # As many frames as a code spans, at the center of the stack's receptive field; one more
        # if that is needed for both to be centered on the same instant.
        self.kernel = stride + (stack.receptive_field - stride) % 2
        if self.kernel > stack.receptive_field:
            raise ValueError(
                f"encoder.shortcut reads {self.kernel} frames per code, but the stack only "
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
        """Adds maps of frames `(B, num_features, F)` and of the stack's output `(B, dim, N)`."""
        direct = self.linear(frames[..., self.margin :])[..., : hidden.shape[-1]]  # (B, dim, N)
        return direct + self.stack_out(hidden)
