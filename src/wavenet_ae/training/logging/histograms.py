"""Histograms of a run: in its folder, in TensorBoard and in W&B."""

from __future__ import annotations

import json
import logging
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger
from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor

from wavenet_ae.checkpoint import write_whole

logger = logging.getLogger(__name__)

WANDB_BINS = 512  # the most that it takes
MOST_BINS = 4096  # in the run's folder


@dataclass(frozen=True)
class Histogram:
    """counts   of each bin, which need not be whole numbers: bars, too, are a histogram here
    low, high   the bins are uniform between them
    """

    counts: list[float]
    low: float
    high: float

    @classmethod
    def per_index(cls, values: Tensor) -> Histogram:
        """One bar an index: values (K,), bins centered on 0 ... K-1."""
        return cls(values.detach().cpu().double().tolist(), -0.5, len(values) - 0.5)

    @classmethod
    def of(cls, samples: Tensor, num_bins: int = 64) -> Histogram:
        """How samples of any shape are distributed between their extremes, infinities and NaN
        left out; without a spread the bins span 1 around the value."""
        finite = samples[torch.isfinite(samples)].detach().cpu().double()
        counts, edges = np.histogram(finite.numpy(), num_bins)
        return cls(counts.astype(float).tolist(), float(edges[0]), float(edges[-1]))

    @property
    def edges(self) -> np.ndarray:
        """(bins + 1,)"""
        return np.linspace(self.low, self.high, len(self.counts) + 1)

    def at_most(self, num_bins: int) -> Histogram:
        """The same with as few neighbors merged as will do.

        Where the bins do not come out even, the last merged bin reaches beyond `high`.
        """
        merged = -(-len(self.counts) // num_bins)
        if merged <= 1:
            return self
        padding = -len(self.counts) % merged
        counts = np.pad(self.counts, (0, padding)).reshape(-1, merged).sum(1)  # (bins,)
        width = (self.high - self.low) / len(self.counts)
        return Histogram(counts.tolist(), self.low, self.high + padding * width)


class HistogramLog(Logger):
    """`histograms.jsonl`: a line a histogram; a resume goes on from `first_step`.

    Each line is {"step": 399, "name": ..., "low": ..., "high": ..., "counts": [...]}, its step that
    of metrics.csv.
    """

    def __init__(self, path: Path, first_step: int = 0) -> None:
        super().__init__()
        self.path = path
        self.latest: dict[str, tuple[int, Histogram]] = {}  # by name, with its step
        if path.is_file():
            self._drop_from(first_step)

    @property
    def name(self) -> str:
        return "histograms"

    @property
    def version(self) -> str:
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> HistogramLog:
        return self

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any) -> None:
        """The run's configuration lies in its config.yaml already."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Figures lie in metrics.csv."""

    @rank_zero_only
    def log_histogram(self, name: str, histogram: Histogram, step: int) -> None:
        self.latest[name] = (step, histogram)
        line = {"step": step, "name": name, "low": histogram.low, "high": histogram.high}
        with self.path.open("a") as file:
            file.write(json.dumps({**line, "counts": histogram.counts}) + "\n")

    @rank_zero_only
    def _drop_from(self, first_step: int) -> None:
        lines = self.path.read_bytes().splitlines(keepends=True)
        steps = [_step_of(line) for line in lines]
        damaged = steps[:-1].count(None)  # the last one may have been cut short by a crash
        if damaged:
            logger.warning("%s: %d damaged lines are dropped", self.path, damaged)
        kept = [
            line
            for line, step in zip(lines, steps, strict=True)
            if step is not None and step < first_step
        ]
        write_whole(self.path, b"".join(kept))


def _step_of(line: bytes) -> int | None:
    """The step of a line of the file; None where it is not a whole one."""
    try:
        return int(json.loads(line)["step"]) if line.endswith(b"\n") else None
    except (KeyError, TypeError, ValueError):
        return None


def log_histogram(trainer: pl.Trainer, name: str, histogram: Histogram) -> None:
    """Hand a histogram to each logger that keeps such, at the step of this validation's figures.

    The run's folder keeps 4096 bins, W&B takes 512: of more, neighbors are merged.
    """
    if not trainer.is_global_zero:
        return
    step = trainer.global_step - 1  # Lightning counts the steps that it logs from 0
    for each in trainer.loggers:
        match each:
            case HistogramLog():
                each.log_histogram(name, histogram.at_most(MOST_BINS), step)
            case TensorBoardLogger():
                _add_to_tensorboard(each, name, histogram, step)
            case WandbLogger():
                each.log_metrics({name: _wandb_histogram(histogram)}, step)


def _add_to_tensorboard(
    logger: TensorBoardLogger, name: str, histogram: Histogram, step: int
) -> None:
    counts, edges = np.array(histogram.counts), histogram.edges
    centers = (edges[:-1] + edges[1:]) / 2
    logger.experiment.add_histogram_raw(
        name,
        min=histogram.low,
        max=histogram.high,
        num=counts.sum(),
        sum=counts @ centers,
        sum_squares=counts @ centers**2,
        bucket_limits=edges[1:].tolist(),
        bucket_counts=histogram.counts,
        global_step=step,
    )


def _wandb_histogram(histogram: Histogram) -> Any:
    import wandb  # takes a second, which only its users wait

    merged = histogram.at_most(WANDB_BINS)
    return wandb.Histogram(np_histogram=(np.array(merged.counts), merged.edges))
