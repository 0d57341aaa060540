"""The interface of a run's loggers, and the histogram that they are given.

Lightning hands scalars to its loggers.  Whatever else a run logs (histograms, audio, images, ...)
goes through `RunLogger`, so that callbacks and monitors need not know which loggers there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor

CheckpointUploads = Literal["none", "best", "all"]
Cell = str | float


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


class RunLogger(Logger):
    """A logger that keeps more than scalars.

    Every method is called on the first process alone.  By default it does nothing: a logger
    overrides the methods of what it can keep.  A `step` is the number of optimizer steps done minus
    one, since Lightning counts the steps that it logs from 0.

    `checkpoints` says which checkpoints the logger wants.
    """

    checkpoints: CheckpointUploads = "none"

    def add_config(
        self, config: Mapping[str, Any], provenance: Mapping[str, Any], step: int
    ) -> None:
        """Keeps what is run, by its configuration, and from what: command, code, versions."""

    def add_scalars(self, metrics: Mapping[str, float], step: int) -> None:
        """Keeps scalars, also where the row of the step has ended."""
        self.log_metrics(dict(metrics), step)

    def log_before_saving(self, metrics: Mapping[str, float], step: int) -> None:
        """Keeps scalars that Lightning logs only after a checkpoint of this step.

        A run that is resumed from the checkpoint begins after this step, so that a file must have
        them by then.
        """

    def add_histogram(self, name: str, histogram: Histogram, step: int) -> None:
        """Keeps a histogram."""

    def add_bars(
        self, name: str, title: str, labels: Sequence[str], values: Sequence[float], step: int
    ) -> None:
        """Keeps a bar chart."""

    def add_table(
        self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], step: int
    ) -> None:
        """Keeps a table."""

    def add_audio(self, name: str, file: Path, step: int) -> None:
        """Keeps a recording."""

    def add_image(self, name: str, file: Path, step: int) -> None:
        """Keeps a picture."""

    def add_checkpoint(self, file: Path, alias: str, metadata: Mapping[str, Any]) -> None:
        """Keeps a checkpoint under an alias, such as `best`."""

    def alert(self, title: str, text: str) -> None:
        """Tells the people who watch the run."""

    def end_row(self, step: int) -> None:
        """Makes sure that a kill loses nothing of this step; nothing more is logged at it."""


def run_loggers(trainer: pl.Trainer) -> list[RunLogger]:
    """Returns the loggers to call: on all processes but the first, none."""
    if not trainer.is_global_zero:
        return []
    return [each for each in trainer.loggers if isinstance(each, RunLogger)]


def log_scalars(trainer: pl.Trainer, metrics: Mapping[str, float]) -> None:
    """Logs scalars to all loggers, of Lightning's own too, at the current step."""
    for each in trainer.loggers if trainer.is_global_zero else []:
        log = each.add_scalars if isinstance(each, RunLogger) else each.log_metrics
        log(dict(metrics), current_step(trainer))


def log_histogram(trainer: pl.Trainer, name: str, histogram: Histogram) -> None:
    """Logs a histogram at the current step."""
    for each in run_loggers(trainer):
        each.add_histogram(name, histogram, current_step(trainer))


def log_bars(
    trainer: pl.Trainer, name: str, title: str, labels: Sequence[str], values: Sequence[float]
) -> None:
    """Logs a bar chart at the current step."""
    for each in run_loggers(trainer):
        each.add_bars(name, title, labels, values, current_step(trainer))


def current_step(trainer: pl.Trainer) -> int:
    """Returns the step under which Lightning logs now: it counts from 0."""
    return trainer.global_step - 1
