"""A categorical distribution over the levels of a discrete target."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.decoders.base import OutputDistribution
from wavenet_ae.decoders.sampling import Sampling


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
