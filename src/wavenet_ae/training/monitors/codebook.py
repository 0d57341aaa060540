"""How codebooks are used, and whether codebook and encoder have the same scale.

Where a model has several streams of codes, each has the same metrics, named as in stream_names.py.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from wavenet_ae.bottlenecks.quantizer import Quantizer, code_counts, perplexity
from wavenet_ae.distributed import all_gather
from wavenet_ae.models import CodeStream
from wavenet_ae.schema import NonNegative, Positive, accepts
from wavenet_ae.stream_names import of_stream
from wavenet_ae.training.logging import Histogram, log_bars, log_histogram
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors.base import Monitor
from wavenet_ae.types import Batch, BottleneckOutput

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
        """Adds the codes (B, Q, N) of a global batch, and how many codes restarted in it."""
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
    """Returns how many different codes each sequence has: (..., N) -> (...)."""
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
        self.usages: dict[str, CodeUsage] = {}  # of streams with codebooks, by name

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        assert isinstance(pl_module, WaveformTraining)
        for stream in pl_module.code_streams:
            if (size := stream.bottleneck.codebook_size) is not None:
                rows = stream.bottleneck.num_codebooks
                books = rows // stream.bottleneck.rows_per_codebook
                self.usages[stream.name] = CodeUsage(books, size, self.recent_batches)

    def state_dict(self) -> dict[str, Any]:
        return {name: usage.state_dict() for name, usage in self.usages.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if state_dict and state_dict.keys() != self.usages.keys():
            raise ValueError("the usage of the codes is that of other streams")
        for name, state in state_dict.items():
            self.usages[name].load_state_dict(state)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        streams = outputs["observed"].output.streams
        for name, usage in self.usages.items():
            output = streams[name]
            if output.codes is not None:
                codes = all_gather(output.codes.int())
                books = len(usage.last_used)
                # rows of one codebook one after another: (B, Q, N of all its rows)
                usage.add(codes.view(len(codes), books, -1), output.num_revived)
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        metrics: dict[str, Tensor | float] = {}
        for stream in module.code_streams:
            if stream.name in self.usages and stream.name in observed.output.streams:
                own = self._measure(stream, observed.output.streams[stream.name])
                for name, value in own.items():
                    metrics[of_stream(f"codebook/{name}", stream.name)] = value
        return metrics

    def _measure(self, stream: CodeStream, output: BottleneckOutput) -> dict[str, Tensor | float]:
        usage = self.usages[stream.name]
        metrics: dict[str, Tensor | float] = {}
        if usage.recent:
            metrics |= usage.metrics()
        if isinstance(stream.bottleneck, Quantizer) and output.latents is not None:
            codebook = stream.bottleneck.codebook_vectors() if usage.recent else None
            latents = all_gather(output.latents.float())
            metrics |= scales(stream.bottleneck.rows(latents), codebook)
        return metrics

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, WaveformTraining)
        for name, counted in pl_module.validation.codes.items():
            if name in self.usages and counted.counts.any():
                books, size = self.usages[name].last_used.shape
                self._log_use(trainer, name, counted.counts.view(books, -1, size).sum(dim=1))

    def _log_use(self, trainer: pl.Trainer, stream: str, counted: Tensor) -> None:
        """Logs histograms and bars of the codes (Q, K) that a validation counted in a stream."""
        usage = self.usages[stream]
        ages, many = usage.ages, len(counted) > 1
        for book, counts in enumerate(counted):
            suffix = of_stream(f"/codebook_{book + 1}" if many else "", stream)
            log_histogram(trainer, f"codebook/usage{suffix}", Histogram.per_index(counts))
            log_histogram(trainer, f"codebook/age{suffix}", Histogram.per_index(ages[book]))
            title, codes, uses = most_used(counts)
            log_bars(trainer, f"codebook/most_used{suffix}", title, codes, uses)
        usage.mark_validation()


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
    """Returns mean norm, least and greatest component of latents (V, D) and, where there is one
    yet, of the codebook (K, D), and the ratio of the norms, which should be about 1.
    """
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
