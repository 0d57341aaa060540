"""Are the codes used, and do codebook and encoder live on the same scale?"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from wavenet_ae.bottlenecks.quantizer import Quantizer, flatten_time
from wavenet_ae.distributed import all_gather
from wavenet_ae.schema import Positive
from wavenet_ae.training.logging import Histogram, log_bars, log_histogram
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors.base import Monitor
from wavenet_ae.training.monitors.code_usage import CodeUsage
from wavenet_ae.types import Batch

MOST_BARS = 200


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
        figures: dict[str, Tensor | float] = {}
        if self.usage.recent:
            figures |= self.usage.figures()
        if isinstance(module.bottleneck, Quantizer) and output.latents is not None:
            codebook = module.bottleneck.codebook_vectors() if self.usage.recent else None
            figures |= scales(flatten_time(all_gather(output.latents.float())), codebook)
        return {f"codebook/{name}": value for name, value in figures.items()}

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
    figures = _scale("latent", latents)
    if codebook is not None:
        figures |= _scale("code", codebook)
        figures["norm_ratio"] = figures["latent_norm"] / figures["code_norm"]
    return figures


def _scale(name: str, vectors: Tensor) -> dict[str, Tensor]:
    return {
        f"{name}_norm": torch.linalg.vector_norm(vectors, dim=1).mean(),
        f"{name}_min": vectors.min(),
        f"{name}_max": vectors.max(),
    }
