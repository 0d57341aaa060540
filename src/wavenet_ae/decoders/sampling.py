"""How the next target is chosen from a predicted distribution."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sampling:
    """Settings of sampling.  The defaults sample from the model's own distribution.

    Attributes:
        temperature: Spread of the distribution relative to the model's own; 0 takes its mode.
        top_k: Only the `top_k` most probable levels are possible; 0 allows all.
        top_p: Only the fewest levels whose probabilities add up to `top_p` are possible
            (Holtzman et al. 2019, arXiv 1904.09751).

    Raises:
        ValueError: A value is out of range.
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
