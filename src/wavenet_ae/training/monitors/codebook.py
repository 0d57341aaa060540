"""How a codebook is used, and whether codebook and encoder have the same scale."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from wavenet_ae.bottlenecks.quantizer import Quantizer, code_counts, flatten_time, perplexity
from wavenet_ae.distributed import all_gather
from wavenet_ae.schema import NonNegative, Positive, accepts
from wavenet_ae.training.logging import Histogram, log_bars, log_histogram
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors.base import Monitor
from wavenet_ae.types import Batch

MOST_BARS = 200


class CodeUsage:
    """Follows the codes of global batches, from the first that has any.

    recent_batches  of the sliding window; a code unused for as long is dead
    """

    def __init__(self, num_codebooks: int, codebook_size: int, recent_batches: int) -> None:
        self.recent: deque[Tensor] = deque(maxlen=recent_batches)  # (B, Q, N) each
        self.num_batches = 0
        self.validated_at = 0  # how many batches there had been
        self.num_revived = 0  # since the last metrics
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

    def metrics(self) -> dict[str, Tensor | float]:
        """Means over codebooks; `dead_codes`, `max_age` and `revived_codes` over all of them.

        distinct_per_window  codes of a window of the last batch
        batch_perplexity     of the last batch; `recent_perplexity`: of the sliding window; of
                             several codebooks, also of each
        used_fraction        of the codes, since the last validation
        mean_age, max_age    batches since codes were used
        revived_codes        since the metrics were computed last
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
        counts = (state["num_batches"], state["validated_at"], state["num_revived"])
        if state["last_used"].shape != self.last_used.shape or not all(
            accepts(count, NonNegative) for count in counts
        ):
            raise ValueError("the usage of the codes is that of another codebook")
        self.recent = deque(state["recent"], maxlen=self.recent.maxlen)
        self.num_batches, self.validated_at = state["num_batches"], state["validated_at"]
        self.num_revived, self.last_used = state["num_revived"], state["last_used"]


def distinct(codes: Tensor) -> Tensor:
    """How many different codes each sequence has: (..., N) -> (...)."""
    ordered = codes.sort(dim=-1).values
    return 1 + (ordered[..., 1:] != ordered[..., :-1]).sum(dim=-1)


class CodebookMonitor(Monitor):
    """Logs `codebook/*`: the metrics of `CodeUsage` and of `scales`.

    At validations it logs histograms of how often each code was used and of how long ago, and bars
    of the codes that are used most.

    Args:
        recent_batches: Batches over which `recent_perplexity` is computed; a code that none of them
            uses is dead.
    """

    def __init__(self, recent_batches: Positive = 100) -> None:
        super().__init__()
        self.recent_batches = recent_batches
        self.usage: CodeUsage | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        assert isinstance(pl_module, WaveformTraining)
        bottleneck = pl_module.bottleneck
        if bottleneck is not None and bottleneck.codebook_size is not None:
            sizes = (bottleneck.num_codebooks, bottleneck.codebook_size)
            self.usage = CodeUsage(*sizes, self.recent_batches)

    def state_dict(self) -> dict[str, Any]:
        return self.usage.state_dict() if self.usage else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self.usage and state_dict:
            self.usage.load_state_dict(state_dict)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        output = outputs["observed"].output.bottleneck
        if self.usage and output.codes is not None:
            codes = all_gather(output.codes.int())
            books = len(self.usage.last_used)
            self.usage.add(codes.view(len(codes), books, -1), output.num_revived)
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        output = observed.output.bottleneck
        if self.usage is None or output is None:
            return {}
        metrics: dict[str, Tensor | float] = {}
        if self.usage.recent:
            metrics |= self.usage.metrics()
        if isinstance(module.bottleneck, Quantizer) and output.latents is not None:
            codebook = module.bottleneck.codebook_vectors() if self.usage.recent else None
            metrics |= scales(flatten_time(all_gather(output.latents.float())), codebook)
        return {f"codebook/{name}": value for name, value in metrics.items()}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, WaveformTraining)
        counted = pl_module.validation.codes
        if self.usage is None or counted is None or not counted.counts.any():
            return
        ages, many = self.usage.ages, len(counted.counts) > 1
        for book, counts in enumerate(counted.counts):
            suffix = f"/codebook_{book + 1}" if many else ""
            log_histogram(trainer, f"codebook/usage{suffix}", Histogram.per_index(counts))
            log_histogram(trainer, f"codebook/age{suffix}", Histogram.per_index(ages[book]))
            title, codes, uses = most_used(counts)
            log_bars(trainer, f"codebook/most_used{suffix}", title, codes, uses)
        self.usage.mark_validation()


def most_used(counts: Tensor) -> tuple[str, list[str], list[float]]:
    """Returns a title, the codes that are used most, most used first, and how often they are used.

    Args:
        counts: (K,) of each code.
    """
    values = counts.tolist()
    codes = sorted(range(len(values)), key=lambda code: -values[code])[:MOST_BARS]
    title = f"The {len(codes)} most used of {len(values)} codes"
    return title, [str(code) for code in codes], [float(values[code]) for code in codes]


def scales(latents: Tensor, codebook: Tensor | None) -> dict[str, Tensor]:
    """Mean norm, least and greatest component of latents (V, D) and, where there is one yet, of
    the codebook (K, D), and the ratio of the norms, which should be about 1."""
    metrics = _scale("latent", latents)
    if codebook is not None:
        metrics |= _scale("code", codebook)
        metrics["norm_ratio"] = metrics["latent_norm"] / metrics["code_norm"]
    return metrics


def _scale(name: str, vectors: Tensor) -> dict[str, Tensor]:
    return {
        f"{name}_norm": torch.linalg.vector_norm(vectors, dim=1).mean(),
        f"{name}_min": vectors.min(),
        f"{name}_max": vectors.max(),
    }
