"""Dataclasses that cross folders, and the legend of shapes.

    B batch    T waveform samples    F frames    N codes    C channels    K codebook size
    D code dimension    W predicted samples of a window    L latent samples per datapoint
    M conditioning vectors    Q levels of the waveform (256, mu-law); in codes, codebooks

Tensors between parts are `(B, C, T)`, codes `(B, N)`, or `(B, Q, N)` where a bottleneck has
several codebooks.  Every loss is in nats.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

# How losses per code are weighed, see objectives/waveform.py.
CodeWeighting = Literal["sequence", "mean", "context"]

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, order=True)
class Position:
    """How far a run has come in its data: `batch` global batches of `epoch` are consumed."""

    epoch: int = 0
    batch: int = 0


@dataclass(frozen=True)
class Batch:
    """Windows of recordings.

    waveform   (B, slice_length) int16, full scale 32768
    speaker    (B,) int64, rows of the corpus's list of speakers
    utterance  (B,) int64, rows of the corpus's catalogue
    position   the global batch of which these are rows; None in validation
    """

    waveform: Tensor
    speaker: Tensor
    utterance: Tensor
    position: Position | None = None

    def __len__(self) -> int:
        return len(self.waveform)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        moved = {
            name: getattr(self, name).to(device, non_blocking=non_blocking)
            for name in ("waveform", "speaker", "utterance")
        }
        return replace(self, **moved)

    def pin_memory(self) -> Batch:
        pinned = {
            name: getattr(self, name).pin_memory() for name in ("waveform", "speaker", "utterance")
        }
        return replace(self, **pinned)


@dataclass(frozen=True)
class Step:
    """What a training step has beside its data: its number and its keyed random numbers.

    index            optimizer steps taken so far
    seed             the same on all processes, for choices made from the global batch
    jitter           (B, N) uniform in [0, 1), for time jitter
    latent           (B * L, D, N) standard normal, for reparameterisation; None if unused
    speaker_dropout  (B,) uniform in [0, 1), for substituting the unknown speaker
    """

    index: int
    seed: int
    jitter: Tensor
    speaker_dropout: Tensor
    latent: Tensor | None = None


@dataclass(frozen=True)
class BottleneckOutput:
    """What a bottleneck makes of an encoder's output (B, C, N).

    vectors       (B * L, D, N), what the decoder sees
    codes         int64: (B, N), or (B, Q, N) with Q > 1 codebooks; None where the bottleneck is
                  continuous, or lets latents pass unquantized for now
    losses        raw terms in nats or squared distance: (B, N), summed over D, or a scalar
    latents       (B, D, N), what was quantized, or the mean of a posterior
    log_variance  (B, D, N) of a Gaussian posterior; None where there is none
    num_revived   codes that were unused and restarted in this step
    """

    vectors: Tensor
    codes: Tensor | None = None
    losses: dict[str, Tensor] = field(default_factory=dict)
    latents: Tensor | None = None
    log_variance: Tensor | None = None
    num_revived: int = 0


@dataclass(frozen=True)
class ModelOutput:
    """A model's predictions for a window.

    Attributes:
        nll: Cost (B * L, W) of each target in nats, with gradient.
        parameters: Parameters (B * L, P, W) of the predicted distributions.
        targets: Targets (B * L, W).
        bottleneck: Output of the bottleneck; None where a model has none.
    """

    nll: Tensor
    parameters: Tensor
    targets: Tensor
    bottleneck: BottleneckOutput | None = None
