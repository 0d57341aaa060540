"""Distributions that decoders predict: the contract, how to sample, and the categorical one."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.errors import ArgumentError


@dataclass(frozen=True)
class Sampling:
    """Settings of sampling.  The defaults sample from the model's own distribution.

    Attributes:
        temperature: Spread of the distribution relative to the model's own; 0 takes its mode.
        top_k: Only the `top_k` most probable levels are possible; 0 allows all.
        top_p: Only the fewest levels whose probabilities add up to `top_p` are possible
            (Holtzman et al. 2019, arXiv 1904.09751).

    Raises:
        ArgumentError: A value is no number, or out of range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        temperature, top_k, top_p = self.temperature, self.top_k, self.top_p
        if not (_is(temperature, Real) and temperature >= 0):
            raise ArgumentError(f"temperature is {temperature!r}, but must be a number from 0 on")
        if not (_is(top_k, Integral) and top_k >= 0):
            wanted = "a whole number from 0 on (0: all levels)"
            raise ArgumentError(f"top_k is {top_k!r}, but must be {wanted}")
        if not (_is(top_p, Real) and 0 < top_p <= 1):
            raise ArgumentError(f"top_p is {top_p!r}, but must lie above 0 and be at most 1")


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


class OutputDistribution(nn.Module):
    """A distribution over the next target, given by parameters that a decoder computes.

    A target is one number, or a frame of C values.

    Attributes:
        num_parameters: Channels P that describe the distribution of one target.
        needs_float32: Whether parameters must not be rounded to bfloat16 under autocast.
    """

    num_parameters: int

    def nll(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Returns -log p of targets (B, W) in nats, (B, W), given parameters (B, P, W).

        For frames (B, W, C), it is the sum over the values of each frame.
        """
        raise NotImplementedError

    def sample(self, parameters: Tensor, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Returns targets (B,) of the distributions with parameters (B, P).

        Args:
            parameters: Parameters (B, P) of each stream's distribution.
            uniforms: Numbers (B,) in [0, 1), the quantiles that are returned; (B, C) for frames.
            sampling: Changes to the distribution.
        """
        raise NotImplementedError

    needs_float32: bool = False

    def head(self, linear: nn.Linear, hidden: Tensor) -> Tensor:
        """Returns the parameters (..., P) that the last layer of a decoder computes.

        Where the distribution needs float32, autocast is off: eight bits of a mean are too few.
        """
        if not self.needs_float32:
            return linear(hidden)
        with torch.autocast(hidden.device.type, enabled=False):
            return linear(hidden.to(linear.weight.dtype))

    def initialize(self, head: nn.Linear) -> None:
        """Sets the last layer of a decoder so that training starts well; by default it stays."""

    def require_sampling(self, sampling: Sampling) -> None:
        """Raises UserError where the distribution cannot be sampled in this way."""


class Categorical(OutputDistribution):
    """A softmax over levels, as in WaveNet (arXiv 1609.03499, section 2.2).

    Args:
        levels: Number of levels of the target.

    Raises:
        ValueError: The target has no levels.
    """

    def __init__(self, levels: int | None = 256) -> None:
        super().__init__()
        if levels is None:
            raise ValueError(
                "decoder/output=categorical needs a target with levels: set target=mu_law, or "
                "decoder/output=mixture_of_logistics"
            )
        self.num_parameters = levels

    def nll(self, parameters: Tensor, targets: Tensor) -> Tensor:
        # The logits are time-major in memory: seen so, neither side is copied.
        logits = parameters.permute(2, 0, 1)  # (W, B, P)
        losses = F.cross_entropy(
            logits.flatten(0, 1).float(), targets.t().flatten(), reduction="none"
        )
        return losses.view(logits.shape[:2]).t()

    def sample(self, parameters: Tensor, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Returns levels (B,) int64 by the inverse of the distribution function."""
        if sampling.temperature == 0:
            return parameters.argmax(dim=1)
        logits = _possible(parameters.float() / sampling.temperature, sampling)
        share = logits.softmax(dim=1).cumsum(dim=1)  # (B, P), rising to about 1
        below = share <= (uniforms * share[:, -1])[:, None]
        return below.sum(dim=1).clamp_max(logits.shape[1] - 1)


def _possible(logits: Tensor, sampling: Sampling) -> Tensor:
    """Returns logits (B, P), minus infinity for each level that top-k and top-p rule out."""
    if 0 < sampling.top_k < logits.shape[1]:
        least = logits.topk(sampling.top_k, dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if sampling.top_p < 1:
        ordered, levels = logits.sort(dim=1, descending=True)
        before = ordered.softmax(dim=1).cumsum(dim=1) - ordered.softmax(dim=1)
        ordered = ordered.masked_fill(before >= sampling.top_p, -torch.inf)  # the first one stays
        logits = torch.empty_like(logits).scatter_(1, levels, ordered)
    return logits
