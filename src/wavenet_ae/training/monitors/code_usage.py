"""Which codes were used when."""

from __future__ import annotations

from collections import deque
from typing import Any

import torch
from torch import Tensor

from wavenet_ae.bottlenecks.quantizer import code_counts, perplexity


class CodeUsage:
    """Follows the codes of global batches, from the first that has any.

    recent_batches  of the sliding window; a code unused for as long is dead
    """

    def __init__(self, num_codebooks: int, codebook_size: int, recent_batches: int) -> None:
        self.recent: deque[Tensor] = deque(maxlen=recent_batches)  # (B, Q, N) each
        self.num_batches = 0
        self.validated_at = 0  # how many batches there had been
        self.num_revived = 0  # since the last figures
        # (Q, K) the number of the batch, from 1, in which each code was used last
        self.last_used = torch.zeros(num_codebooks, codebook_size, dtype=torch.int64)

    def add(self, codes: Tensor, num_revived: int) -> None:
        """Codes (B, Q, N) of a global batch, and how many codes restarted in it."""
        self.num_batches += 1
        self.num_revived += num_revived
        self.recent.append(codes)
        self.last_used = self.last_used.to(codes.device)
        for book, of_book in enumerate(codes.transpose(0, 1)):  # (B, N)
            self.last_used[book, of_book.flatten()] = self.num_batches

    def mark_validation(self) -> None:
        self.validated_at = self.num_batches

    @property
    def ages(self) -> Tensor:
        """(Q, K) batches since each code was used, or since the beginning."""
        return self.num_batches - self.last_used

    def figures(self) -> dict[str, Tensor | float]:
        """Means over codebooks; `dead_codes`, `max_age` and `revived_codes` over all of them.

        distinct_per_window  codes of a window of the last batch
        batch_perplexity     of the last batch; `recent_perplexity`: of the sliding window; of
                             several codebooks, also of each
        used_fraction        of the codes, since the last validation
        mean_age, max_age    batches since codes were used
        revived_codes        since these figures were asked for the last time
        """
        codes = self.recent[-1]
        recent = torch.cat([each.to(codes.device) for each in self.recent])
        revived, self.num_revived = self.num_revived, 0
        ages = self.ages
        return {
            "distinct_per_window": distinct(codes).float().mean(),
            **self._perplexities("batch_perplexity", codes),
            **self._perplexities("recent_perplexity", recent),
            "used_fraction": (self.last_used > self.validated_at).float().mean(),
            "dead_codes": float((ages >= (self.recent.maxlen or 1)).sum()),
            "mean_age": ages.float().mean(),
            "max_age": float(ages.max()),
            "revived_codes": float(revived),
        }

    def _perplexities(self, name: str, codes: Tensor) -> dict[str, Tensor]:
        books = perplexity(code_counts(codes, *self.last_used.shape).float())  # (Q,)
        each = {f"{name}/codebook_{book}": value for book, value in enumerate(books, start=1)}
        return {name: books.mean(), **(each if len(books) > 1 else {})}

    def state_dict(self) -> dict[str, Any]:
        return {
            "recent": [each.cpu() for each in self.recent],
            "num_batches": self.num_batches,
            "validated_at": self.validated_at,
            "num_revived": self.num_revived,
            "last_used": self.last_used.cpu(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.recent = deque(state["recent"], maxlen=self.recent.maxlen)
        self.num_batches, self.validated_at = state["num_batches"], state["validated_at"]
        self.num_revived, self.last_used = state["num_revived"], state["last_used"]


def distinct(codes: Tensor) -> Tensor:
    """How many different codes each sequence has: (..., N) -> (...)."""
    ordered = codes.sort(dim=-1).values
    return 1 + (ordered[..., 1:] != ordered[..., :-1]).sum(dim=-1)
