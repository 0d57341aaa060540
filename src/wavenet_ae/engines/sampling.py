"""From logits to a level: temperature, top-k, top-p."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """How the next sample is chosen.  The defaults draw from the model's own distribution.

    temperature  divides the logits; 0: always the most probable level
    top_k        only the so many most probable levels are possible; 0: all
    top_p        only the fewest levels are possible that have this probability together (Holtzman
                 et al. 2019, arXiv 1904.09751)

    Raises ValueError where a value is out of range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise ValueError(f"temperature is {self.temperature}, but must be at least 0")
        if self.top_k < 0:
            raise ValueError(f"top_k is {self.top_k}, but must be at least 0 (0: all levels)")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}, but must lie above 0 and be at most 1")

    def draw(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Logits (B, Q), uniforms (B,) in [0, 1) -> levels (B,) int64, by the inverse of the
        distribution function."""
        if self.temperature == 0:
            return logits.argmax(dim=1)
        logits = self._possible(logits.float() / self.temperature)
        share = logits.softmax(dim=1).cumsum(dim=1)  # (B, Q), rising to about 1
        below = share <= (uniforms * share[:, -1])[:, None]
        return below.sum(dim=1).clamp_max(logits.shape[1] - 1)

    def _possible(self, logits: Tensor) -> Tensor:
        """Levels that are not possible get a logit of minus infinity."""
        if 0 < self.top_k < logits.shape[1]:
            least = logits.topk(self.top_k, dim=1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        if self.top_p < 1:
            ordered, levels = logits.sort(dim=1, descending=True)
            before = ordered.softmax(dim=1).cumsum(dim=1) - ordered.softmax(dim=1)
            ordered = ordered.masked_fill(before >= self.top_p, -torch.inf)  # the first one stays
            logits = torch.empty_like(logits).scatter_(1, levels, ordered)
        return logits
