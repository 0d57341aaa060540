"""A decoder's training step and its arithmetic."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from timing import Shape
from torch import Tensor, nn

from wavenet_ae.decoders import Categorical, WaveNet

Precision = Literal["fp32", "bf16"]
DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}
NUM_SPEAKERS = 11


@dataclass(frozen=True)
class Setup:
    """A decoder and the batch on which it is trained.

    hop  samples per conditioning vector: 1 at sample rate
    """

    batch: int
    num_targets: int
    conditioning: int
    hop: int = 1
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def num_samples(self) -> int:
        return self.batch * self.num_targets

    @property
    def products(self) -> list[Shape]:
        """Rows, inner and columns of the largest products of a layer."""
        residual, gate = self.sizes["residual"], self.sizes["gate"]
        shapes = ((residual, 2 * gate), (2 * gate, residual), (gate, residual))
        return [(self.num_samples, *shape) for shape in shapes]

    def decoder(self) -> WaveNet:
        torch.manual_seed(0)
        return WaveNet(self.conditioning, NUM_SPEAKERS, self.hop, **self.sizes)


SETUPS = {
    # the sizes of conf/experiment/reference.yaml
    "reference": Setup(2, 2560, 128, sizes=dict(residual=368, gate=256, skip=256, post=256)),
    "small": Setup(8, 1280, 128, sizes=dict(residual=64, gate=64, skip=128, post=128)),
    # of conf/experiment/speech_gpu.yaml
    "medium": Setup(
        *(8, 5120, 64, 80),
        sizes=dict(residual=128, gate=128, skip=256, post=256, speaker_dim=32),
    ),
    # of conf/decoder/wavenet.yaml and conf/data/base.yaml
    "default": Setup(
        *(8, 1280, 32, 40),
        sizes=dict(layers_per_block=5, residual=32, gate=32, skip=64, post=64, speaker_dim=16),
    ),
}


class TrainingStep:
    """Forward, loss, backward, clipping and optimizer step on one batch of noise."""

    def __init__(
        self, decoder: nn.Module, inputs: tuple[Tensor, ...], precision: Precision
    ) -> None:
        *self.inputs, self.targets = inputs
        self.decoder = decoder.to(self.targets.device)
        self.precision = precision
        self.optimizer = torch.optim.Adam(self.decoder.parameters(), lr=4e-4, betas=(0.9, 0.98))

    def __call__(self) -> Tensor:
        loss = self.loss()
        self.optimizer.zero_grad()
        for each in self.inputs:
            each.grad = None
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), 1.0)
        assert torch.isfinite(norm)
        self.optimizer.step()
        return loss.detach()

    def loss(self) -> Tensor:
        with self._autocast():
            logits = self.decoder(*self.inputs)
            return Categorical(logits.shape[1]).nll(logits, self.targets).mean()

    def _autocast(self) -> AbstractContextManager[Any]:
        """What Lightning's bf16-mixed does."""
        if self.precision == "fp32":
            return nullcontext()
        device = self.targets.device.type
        return torch.autocast(device, dtype=DTYPES[self.precision], cache_enabled=False)


def noise(decoder: WaveNet, batch: int, num_targets: int, device: str) -> tuple[Tensor, ...]:
    """Samples, conditioning that wants its gradient as an upsampling does, speakers, targets."""
    generator = torch.Generator().manual_seed(1)
    length = decoder.chain.receptive_field + num_targets - 1
    num_frames = _num_frames(decoder, 0, decoder.chain.layers[0].output_length(length))
    levels, channels = decoder.output.num_parameters, decoder.layers[0].conditioning.in_features
    samples = torch.randint(levels, (batch, length), generator=generator)
    conditioning = torch.randn(batch, channels, num_frames, generator=generator)
    speaker = torch.randint(len(decoder.speakers.weight), (batch,), generator=generator)
    targets = torch.randint(levels, (batch, num_targets), generator=generator)
    conditioning = conditioning.to(device).requires_grad_()
    return samples.to(device), conditioning, speaker.to(device), targets.to(device)


def training_flops(decoder: WaveNet, batch: int, num_targets: int) -> int:
    """Floating-point operations that a step needs: 6 for each weight and each position at which a
    scored prediction needs it (multiply and add: forward, and for the gradients of both factors).
    """
    length = decoder.chain.receptive_field + num_targets - 1
    num_positions = decoder.chain.layers[0].output_length(length)
    products = 0
    for layer, geometry in zip(decoder.layers, decoder.chain.layers, strict=True):
        length = geometry.output_length(length)
        products += layer.taps.numel() * length + layer.speaker.weight.numel()
        num_frames = _num_frames(decoder, num_positions - length, num_positions)
        products += layer.conditioning.weight.numel() * num_frames
        if layer.residual is not None:
            products += layer.residual.weight.numel() * length
    return 6 * batch * (products + _head_weights(decoder) * num_targets)


def padded_flops(decoder: WaveNet, batch: int, num_targets: int) -> int:
    """The same of padded.py, which uses each weight at each position."""
    length = decoder.chain.receptive_field + num_targets - 1
    products = _head_weights(decoder) * length
    for layer in decoder.layers:
        per_position = layer.taps.numel() + layer.conditioning.weight.numel()
        if layer.residual is not None:
            per_position += layer.residual.weight.numel()
        products += per_position * length + layer.speaker.weight.numel()
    return 6 * batch * products


def _num_frames(decoder: WaveNet, first: int, stop: int) -> int:
    """Conditioning vectors held for the positions `first .. stop - 1`."""
    hop = decoder.conditioning_hop
    return -(-stop // hop) - first // hop


def _head_weights(decoder: WaveNet) -> int:
    return sum(each.weight.numel() for each in (decoder.skip, decoder.post, decoder.head))
