"""A histogram with uniform bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Histogram:
    """Counts in uniform bins.

    Args:
        counts: One for each bin; they need not be whole numbers, since bars are kept so too.
        low: Lower edge of the first bin.
        high: Upper edge of the last bin.
    """

    counts: list[float]
    low: float
    high: float

    @classmethod
    def per_index(cls, values: Tensor) -> Histogram:
        """Returns one bar for each of the values (K,), in bins centered on 0 ... K-1."""
        return cls(values.detach().cpu().double().tolist(), -0.5, len(values) - 0.5)

    @classmethod
    def of(cls, samples: Tensor, num_bins: int = 64) -> Histogram:
        """Returns the distribution of samples of any shape between their extremes.

        Infinities and NaN are left out.  Where all samples are equal, the bins span 1 around them.
        """
        finite = samples[torch.isfinite(samples)].detach().cpu().double()
        counts, edges = np.histogram(finite.numpy(), num_bins)
        return cls(counts.astype(float).tolist(), float(edges[0]), float(edges[-1]))

    @property
    def edges(self) -> np.ndarray:
        """Edges of the bins, (bins + 1,)."""
        return np.linspace(self.low, self.high, len(self.counts) + 1)

    def at_most(self, num_bins: int) -> Histogram:
        """Returns the histogram with as few neighbors merged as give at most `num_bins`.

        Where the bins cannot be merged evenly, the last merged bin reaches beyond `high`.
        """
        merged = -(-len(self.counts) // num_bins)
        if merged <= 1:
            return self
        padding = -len(self.counts) % merged
        counts = np.pad(self.counts, (0, padding)).reshape(-1, merged).sum(1)  # (bins,)
        width = (self.high - self.low) / len(self.counts)
        return Histogram(counts.tolist(), self.low, self.high + padding * width)
