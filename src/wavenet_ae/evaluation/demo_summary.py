"""Summary of a demo run: metrics for a table, and plots in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from wavenet_ae.dashboards.history import RunHistory, read_metrics
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.baseline_units import KMEANS_MFCC
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.labeled_corpus import find_labels
from wavenet_ae.evaluation.parts.units import tally_units
from wavenet_ae.evaluation.report.words import cell_words
from wavenet_ae.evaluation.unit_systems import Units
from wavenet_ae.loading import load
from wavenet_ae.metrics.units import UnitQuality, joint_quality
from wavenet_ae.models import CodeModel
from wavenet_ae.objectives import NLL
from wavenet_ae.plotting.curves import plot_learning_curves
from wavenet_ae.plotting.figures import save
from wavenet_ae.plotting.units import UnitUsage, plot_unit_usage
from wavenet_ae.progress import Progress
from wavenet_ae.runs import RunFolder
from wavenet_ae.stream_names import ONLY_STREAM, of_stream
from wavenet_ae.threads import AdaptedTorch

CONFIG = EvaluationConfig()  # the defaults of `wavenet-ae evaluate`


@dataclass(frozen=True)
class RunSummary:
    """Metrics by name, files of plots, and the number of steps trained."""

    metrics: dict[str, str]
    plots: list[Path]
    num_steps: int

    def table(self) -> Table:
        """Returns the metrics as a table for a console."""
        table = Table("metric", "value", title="Results of the run")
        for name, value in self.metrics.items():
            table.add_row(name, value)
        return table


@dataclass(frozen=True)
class EvaluatedUnits:
    """A model's units, and those of k-means on MFCC, on the frames of all labeled utterances.

    Attributes:
        stream: Name of the stream of codes.
        kind: What the units are, in words.
        frames: (K,) int64 frames of each unit, also those without a label.
        units: Quality of the model's units.
        baseline: Quality of k-means on MFCC.
    """

    stream: str
    kind: str
    frames: np.ndarray
    units: UnitQuality
    baseline: UnitQuality


def summarize_run(folder: Path, corpus: PackedCorpus) -> RunSummary:
    """Evaluates the newest checkpoint of a run on its corpus, and plots its curves.

    Units are left out without phone labels, and for a model without codes.
    """
    metrics = read_metrics(RunFolder(folder).metrics)
    last = {key: values[-1] for key, (_, values) in metrics.items()}
    found, plots = _validation_metrics(last), []
    num_steps = max(int(steps[-1]) for steps, _ in metrics.values())
    curves = plot_learning_curves([RunHistory(folder.name, metrics, {})])
    if curves is not None:
        plots.append(save(curves, folder / "learning_curves.png"))
    model = load(RunFolder(folder).step_checkpoints()[-1])
    if any(corpus.labels) and isinstance(model, CodeModel):
        units = [units_of_run(model, corpus, each.name) for each in model.code_streams]
        usage = plot_unit_usage([_usage(each) for each in units])
        plots.append(save(usage, folder / "usage.png"))
        for each in units:
            found |= _unit_metrics(each)
    return RunSummary(found, plots, num_steps)


def units_of_run(
    model: CodeModel, corpus: PackedCorpus, stream: str = ONLY_STREAM
) -> EvaluatedUnits:
    """Evaluates the units of a stream of codes as `wavenet-ae evaluate` does.

    Raises:
        UserError: If no frame of the corpus has a label.
    """
    seed, labeled = CONFIG.seed, find_labels(corpus, {}, CONFIG)
    with Progress("units", threads=AdaptedTorch()) as progress:
        units = Units(model, corpus, seed, stream=stream)
        tallies = tally_units(units, labeled, seed, progress.at)
    own = next(iter(tallies.values()))
    baseline = tallies[of_stream(KMEANS_MFCC, stream)]
    return EvaluatedUnits(
        stream=stream,
        kind=cell_words("system", next(iter(tallies))),
        frames=own.frames,
        units=joint_quality(own.total, seed),
        baseline=joint_quality(baseline.total, seed),
    )


def _usage(units: EvaluatedUnits) -> UnitUsage:
    shares = units.frames / max(units.frames.sum(), 1)
    return UnitUsage(units.kind, shares[shares > 0], len(units.frames))


def _validation_metrics(last: dict[str, float]) -> dict[str, str]:
    if NLL.metric not in last:
        return {NLL.label: "the run ended before its first validation"}
    metrics = {NLL.label: f"{last[NLL.metric]:.3f} {NLL.unit}"}
    if "validation/nll_increase_shuffled_codes" in last:
        nll = last["validation/nll_shuffled_codes"]
        increase = last["validation/nll_increase_shuffled_codes"]
        metrics |= {
            "validation NLL, shuffled codes": f"{nll:.3f}",
            "NLL increase with shuffled codes": f"{increase:.3f}",
        }
    return metrics


def _unit_metrics(found: EvaluatedUnits) -> dict[str, str]:
    units, baseline = found.units, found.baseline
    of = f" {found.stream}" if found.stream != ONLY_STREAM else ""
    return {
        f"units ({found.kind}): perplexity": f"{units.perplexity:.1f} of {units.num_codes}",
        f"PNMI of the{of} units with the phones": f"{units.pnmi:.3f}",
        f"PNMI of k-means on MFCC, {baseline.num_codes} clusters": f"{baseline.pnmi:.3f}",
        f"PNMI of the{of} units in shuffled order": f"{units.pnmi_shuffled:.3f}",
    }
