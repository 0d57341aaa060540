"""Dataclasses that several packages exchange, and the legend of shapes.

    B batch    T waveform samples    F frames    N codes    C channels    K codebook size
    D code dimension    H codebooks (stages of a residual quantizer)    Q waveform levels (mu-law)
    W predicted samples of a window    M conditioning vectors    L latent samples per datapoint

Tensors between modules are `(B, C, T)`. Codes are `(B, N)`, or `(B, H, N)` if a bottleneck has H >
1 codebooks. Every loss is in nats.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

# How losses per code are weighted; objectives/reconstruction.py defines the three.
CodeWeighting = Literal["sequence", "mean", "context"]
TENSORS = ("waveform", "speaker", "utterance", "start", "feature_mean")  # of a batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import Tensor


@dataclass(frozen=True, order=True)
class Position:
    """Position of a run in its data: `batch` global batches of `epoch` have been consumed."""

    epoch: int = 0
    batch: int = 0


@dataclass(frozen=True)
class Batch:
    """Windows of recordings.

    Attributes:
        waveform: `(B, slice_length)` int16, full scale 32768.
        speaker: `(B,)` int64, rows of the corpus's list of speakers.
        utterance: `(B,)` int64, rows of the corpus's catalogue.
        start: `(B,)` int64, sample of the utterance at which the slice starts; negative in the
            silence before it.
        position: Position of the global batch that these rows belong to; None in validation.
        feature_mean: `(B, C)` means of the features of each recording, or of its speaker; None
            where the features are normalized by the corpus.
    """

    waveform: Tensor
    speaker: Tensor
    utterance: Tensor
    start: Tensor
    position: Position | None = None
    feature_mean: Tensor | None = None

    def __len__(self) -> int:
        return len(self.waveform)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """Returns the batch with its tensors on `device`."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Batch:
        """Returns the batch with its tensors in pinned memory; the data loader calls this."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Returns the batch with each of its tensors changed."""
        changed: dict[str, Any] = {
            name: change(tensor) for name in TENSORS if (tensor := getattr(self, name)) is not None
        }
        return replace(self, **changed)


@dataclass(frozen=True)
class InputRandomness:
    """Random numbers of a step by which an encoder's input is perturbed.

    Attributes:
        uniform: `(B, U)` uniform in [0, 1).
        noise: `(B, T)` standard normal, for the samples that the encoder reads; None if unused.
    """

    uniform: Tensor
    noise: Tensor | None = None


@dataclass(frozen=True)
class Step:
    """Number of a training step and its keyed random numbers.

    Attributes:
        index: Optimizer steps taken so far.
        seed: Seed that all processes share, for choices made from the global batch.
        jitter: `(B, N)` uniform in [0, 1), for time jitter of the model's only stream of codes.
        latent: `(B * L, D, N)` standard normal, for reparameterization; None if unused.
        speaker_dropout: `(B,)` uniform in [0, 1), for substituting the unknown speaker.
        input: Numbers for perturbing the encoder's input; None if it is not.
        streams: For a model with several streams of codes, the step of each, whose `jitter` and
            `latent` are its own.
    """

    index: int
    seed: int
    jitter: Tensor
    speaker_dropout: Tensor
    latent: Tensor | None = None
    input: InputRandomness | None = None
    streams: Mapping[str, Step] = field(default_factory=dict)


@dataclass(frozen=True)
class BottleneckOutput:
    """Output of a bottleneck for latents `(B, C, N)`.

    Attributes:
        vectors: `(B * L, D, N)`, the input of the decoder's upsampling.
        codes: int64 `(B, N)`, or `(B, H, N)` with H > 1 codebooks; None if the bottleneck is
            continuous, or does not quantize yet.
        losses: Unweighted terms, in nats or squared distance: each `(B, N)`, summed over D, or a
            scalar.
        latents: `(B, D, N)`, the vectors that were quantized, or the mean of a posterior.
        log_variance: `(B, D, N)` of a Gaussian posterior; None without one.
        num_revived: Unused codes that were restarted in this step.
    """

    vectors: Tensor
    codes: Tensor | None = None
    losses: dict[str, Tensor] = field(default_factory=dict)
    latents: Tensor | None = None
    log_variance: Tensor | None = None
    num_revived: int = 0


@dataclass(frozen=True)
class ModelOutput:
    """Output of a model for a window; what the model does not have is None.

    Attributes:
        nll: `(B * L, W)` negative log-likelihood of each target in nats, with gradient.
        parameters: `(B * L, P, W)` parameters of the predicted distributions.
        targets: `(B * L, W)`, or frames `(B * L, W, C)`.
        streams: Output of the bottleneck of each stream of codes, by its name.
        latents: `(B, C, N)`, the encoder's output, one for each code.
        context: `(B, C', N)`, the context network's output: `context[..., n]` has read `latents`
            up to `n`.
        masked: `(B, N)` bool, codes whose input was masked.
    """

    nll: Tensor | None = None
    parameters: Tensor | None = None
    targets: Tensor | None = None
    streams: Mapping[str, BottleneckOutput] = field(default_factory=dict)
    latents: Tensor | None = None
    context: Tensor | None = None
    masked: Tensor | None = None
