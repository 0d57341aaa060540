"""What a run on labeled speech has learned: figures for a table, and pictures in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from wavenet_ae.checkpoint import step_checkpoints
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.config import Settings
from wavenet_ae.evaluation.labeled_corpus import find_labels
from wavenet_ae.evaluation.parts.unit_systems import Units
from wavenet_ae.evaluation.parts.units import tallied
from wavenet_ae.evaluation.progress import Progress
from wavenet_ae.loading import load
from wavenet_ae.metrics.units import UnitQuality, joint_quality
from wavenet_ae.models import Autoencoder
from wavenet_ae.plotting.curves import draw_learning_curve, draw_usage

SETTINGS = Settings()  # those that evaluate.py has unless it is told others


@dataclass(frozen=True)
class RunSummary:
    """figures of the table, by name;  the pictures that were drawn;  steps trained"""

    figures: dict[str, str]
    pictures: list[Path]
    num_steps: int

    def table(self) -> Table:
        table = Table("figure", "value", title="What the run has learned")
        for name, value in self.figures.items():
            table.add_row(name, value)
        return table


@dataclass(frozen=True)
class JudgedUnits:
    """A model's units, and those of k-means on MFCC, on the frames of all labeled utterances.

    kind    what the units are
    frames  (K,) int64, of each unit, also those without a label
    """

    kind: str
    frames: np.ndarray
    units: UnitQuality
    baseline: UnitQuality


def summarize_run(folder: Path, corpus: PackedCorpus) -> RunSummary:
    """Judge the newest checkpoint of a run on its corpus, and draw its curves.

    Without phone labels, or in a model without units, these are not judged.
    """
    metrics = read_metrics(folder / "metrics.csv")
    last = {key: values[-1] for key, (_, values) in metrics.items()}
    figures, pictures = _validation_figures(last), [folder / "learning_curve.png"]
    num_steps = max(int(steps[-1]) for steps, _ in metrics.values())
    draw_learning_curve(metrics, pictures[0])
    model = load(step_checkpoints(folder / "checkpoints")[-1])
    if any(corpus.labels) and isinstance(model, Autoencoder):
        judged = units_of_run(model, corpus)
        pictures.append(folder / "usage.png")
        draw_usage(judged.frames, judged.kind, num_steps, pictures[-1])
        figures |= _unit_figures(judged)
    return RunSummary(figures, pictures, num_steps)


def units_of_run(model: Autoencoder, corpus: PackedCorpus) -> JudgedUnits:
    """As evaluate.py judges them.  UserError where no frame of the corpus has a label."""
    seed, labeled = SETTINGS.seed, find_labels(corpus, {}, SETTINGS)
    with Progress("units") as progress:
        tallies = tallied(Units(model, corpus, seed), labeled, seed, progress)
    own, *_, baseline = tallies.values()
    return JudgedUnits(
        kind=next(iter(tallies)),
        frames=own.frames,
        units=joint_quality(own.total, seed),
        baseline=joint_quality(baseline.total, seed),
    )


def _validation_figures(last: dict[str, float]) -> dict[str, str]:
    if "validation/nll" not in last:
        return {"validation NLL": "the run ended before its first validation"}
    figures = {"validation NLL": f"{last['validation/nll']:.3f} nats/sample"}
    if "validation/nll_increase_shuffled_codes" in last:
        nll = last["validation/nll_shuffled_codes"]
        increase = last["validation/nll_increase_shuffled_codes"]
        figures |= {
            "validation NLL, shuffled codes": f"{nll:.3f}",
            "NLL increase with shuffled codes": f"{increase:.3f}",
        }
    return figures


def _unit_figures(judged: JudgedUnits) -> dict[str, str]:
    units, baseline = judged.units, judged.baseline
    return {
        f"units ({judged.kind}): perplexity": f"{units.perplexity:.1f} of {units.num_codes}",
        "PNMI of the units with the phones": f"{units.pnmi:.3f}",
        f"PNMI of k-means on MFCC, {baseline.num_codes} clusters": f"{baseline.pnmi:.3f}",
        "PNMI of the units in shuffled order": f"{units.pnmi_shuffled:.3f}",
    }
