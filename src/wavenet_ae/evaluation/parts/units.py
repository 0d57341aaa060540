"""Units vs. phones, boundaries and durations, beside smoothed units and k-means baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from wavenet_ae.evaluation.alignment_example import alignment_example
from wavenet_ae.evaluation.baseline_units import BaselineFrames
from wavenet_ae.evaluation.contingency import UnitCounts, contingency, unit_usage
from wavenet_ae.evaluation.labeled_corpus import LabeledCorpus
from wavenet_ae.evaluation.part import Context, Part
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.evaluation.unit_systems import Units
from wavenet_ae.labels import Segments
from wavenet_ae.metrics.bitrate import CodeStatistics, code_bitrates
from wavenet_ae.metrics.boundaries import (
    BoundaryCounts,
    boundary_counts,
    boundary_quality,
    change_seconds,
    evenly_spaced,
    possible_changes,
)
from wavenet_ae.metrics.durations import RunLengths, unit_durations
from wavenet_ae.metrics.units import JointCounts, halves, held_out_accuracy, joint_quality
from wavenet_ae.progress import Progress
from wavenet_ae.stream_names import of_stream

UNIFORM = "uniform"  # boundaries that are evenly spaced


@dataclass
class Tally:
    """Counts of one system of units, added utterance by utterance.

    Attributes:
        joint: Frames by unit and label, of either half of the speakers.
        frames: (K,) int64 frames of each unit, with a label or without.
        runs: Lengths of runs of one unit.
        statistics: Units and runs of them, for bit rates.
        boundaries: Changes of units vs. boundaries of labels.
        uniform: The same of as many evenly spaced changes.
    """

    joint: list[JointCounts]
    frames: np.ndarray
    statistics: CodeStatistics
    runs: RunLengths = field(default_factory=RunLengths.none)
    boundaries: BoundaryCounts = field(default_factory=BoundaryCounts)
    uniform: BoundaryCounts = field(default_factory=BoundaryCounts)

    @staticmethod
    def none(num_units: int, num_labels: int) -> Tally:
        """Returns counts of zero."""
        none = JointCounts.none(num_units, num_labels)
        statistics = CodeStatistics.none(1, num_units, torch.device("cpu"))
        return Tally([none, none], np.zeros(num_units, np.int64), statistics)

    @property
    def total(self) -> JointCounts:
        """Frames by unit and label, of all speakers."""
        return self.joint[0] + self.joint[1]

    def add(
        self,
        units: np.ndarray,
        labels: np.ndarray,
        half: int,
        anchors: np.ndarray,
        segments: Segments,
        rate: int,
    ) -> None:
        """Adds the units (N,) and labels (N,) of one utterance.

        As many changes of the same grid, evenly spaced, are a control.
        """
        self.joint[half] = self.joint[half].added(units, labels)
        self.frames = self.frames + np.bincount(units, minlength=len(self.frames))
        self.statistics = self.statistics.added(torch.from_numpy(units)[None])
        self.runs = self.runs.added(units)
        changes = change_seconds(units, anchors, rate)
        even = evenly_spaced(len(changes), possible_changes(anchors, rate))
        self.boundaries += boundary_counts(changes, segments)
        self.uniform += boundary_counts(even, segments)


def tally_units(
    units: Units, labeled: LabeledCorpus, seed: int, done: Callable[[float], None]
) -> dict[str, Tally]:
    """Counts of all utterances with labels, by system.

    Args:
        units: Makes the units.
        labeled: Utterances and their labels.
        seed: Key of the two halves of the speakers.
        done: Is told the share of the work that is done.
    """
    num_labels, rate = len(labeled.inventory), labeled.corpus.sample_rate
    tallies = {system: Tally.none(size, num_labels) for system, size in units.sizes.items()}
    _, names = _halved(labeled)
    half = halves(names, seed)
    for number, (row, of) in enumerate(zip(labeled.rows, names, strict=True), start=1):
        anchors, found = units.of(labeled.corpus, row)
        labels, segments = labeled.at(row, anchors), labeled.of(row)
        for system, each in found.items():
            tallies[system].add(each, labels, half[of], anchors, segments, rate)
        done(number / len(labeled.rows))
    return tallies


def evaluate_units(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields `units` and `boundaries`, and `unit_usage`, `contingency` and `alignment_example` for
    plots."""
    labeled, seed = context.labeled, context.seed
    of_streams = units_of_streams(context)
    rows: list[dict[str, Value]] = []
    boundary_rows: list[dict[str, Value]] = []
    counts: dict[str, UnitCounts] = {}
    for number, units in enumerate(of_streams):

        def done(share: float, before: int = number) -> None:
            progress.at((before + share) / len(of_streams))

        tallies = tally_units(units, labeled, seed, done)
        rows += [_label_row(system, tally, seed) for system, tally in tallies.items()]
        boundary_rows += _boundary_rows(units, tallies)
        for system in units.plotted:
            counts[system] = UnitCounts(tallies[system].total.counts, tallies[system].frames)
    metadata, notes = _metadata(labeled), []
    for units in of_streams:
        metadata |= units.metadata
        notes += units.notes
    yield ResultTable("units", ["system"], rows, metadata, list(dict.fromkeys(notes)))
    yield ResultTable("boundaries", ["system"], boundary_rows)
    yield unit_usage(counts)
    yield contingency(counts, labeled.inventory)
    yield alignment_example(of_streams, labeled, context.folder)


def units_of_streams(context: Context) -> list[Units]:
    """Returns units of each stream of codes, and baselines at the instants of its codes."""
    model, corpus, seed = context.code_model, context.labeled.corpus, context.seed
    found = []
    for stream in model.code_streams:
        baselines = BaselineFrames(model, corpus, seed, model.config, stream.name)
        smoothing = context.config.smoothing
        found.append(Units(model, corpus, seed, baselines, smoothing, stream.name))
    return found


def _halved(labeled: LabeledCorpus) -> tuple[str, list[str]]:
    """Returns what is divided into halves, and the name of it for each utterance with labels."""
    speakers = [labeled.speaker(row) for row in labeled.rows]
    if len(set(speakers)) > 1:
        return "speakers", speakers
    return "utterances", [labeled.corpus.keys[row] for row in labeled.rows]


def _metadata(labeled: LabeledCorpus) -> dict[str, Value]:
    halves_of, _ = _halved(labeled)
    return {
        "num_utterances": len(labeled.rows),
        "num_labels": len(labeled.inventory),
        "num_without_labels": labeled.num_without,
        **({"num_damaged_labels": len(labeled.damaged)} if labeled.damaged else {}),
        **({"num_empty_segments": labeled.num_empty} if labeled.num_empty else {}),
        "halves": halves_of,
        "kmeans_split": "train" if len(labeled.corpus.rows("train")) else "all",
    }


def _label_row(system: str, tally: Tally, seed: int) -> dict[str, Value]:
    quality = joint_quality(tally.total, seed)
    halves_of = tally.joint[0], tally.joint[1]
    shuffled = tally.joint[0].shuffled(seed), tally.joint[1].shuffled(seed + 1)
    return {
        "system": system,
        "pnmi": quality.pnmi,
        "pnmi_shuffled": quality.pnmi_shuffled,
        "nmi": quality.nmi,
        "purity": quality.phone_purity,
        "purity_held_out": held_out_accuracy(halves_of),
        "purity_held_out_shuffled": held_out_accuracy(shuffled),
        "majority": quality.majority,
        "cluster_purity": quality.cluster_purity,
        "perplexity": quality.perplexity,
        "num_used": quality.num_used,
        "num_units": quality.num_codes,
        "num_frames": quality.num_frames,
        "num_unlabeled": quality.num_unlabeled,
        "num_excluded": quality.num_excluded,
    }


def _boundary_rows(units: Units, tallies: Mapping[str, Tally]) -> list[dict[str, Value]]:
    """Rows of the systems of a stream, and of boundaries that are evenly spaced."""
    rows = [_boundary_row(system, tally, units.code_rate) for system, tally in tallies.items()]
    uniform = of_stream(UNIFORM, units.stream)
    own = next(iter(tallies.values()))
    return [*rows, {**dict.fromkeys(rows[0]), "system": uniform, **_boundaries(own.uniform)}]


def _boundary_row(system: str, tally: Tally, code_rate: float) -> dict[str, Value]:
    durations = unit_durations(tally.runs, 1000 / code_rate)
    bitrates = code_bitrates(tally.statistics, code_rate)
    return {
        "system": system,
        **_boundaries(tally.boundaries),
        "mean_duration_ms": durations.mean,
        "median_duration_ms": durations.median,
        "single_code_share": durations.single_codes,
        "run_length_bits_per_second": bitrates["run_length"],
    }


def _boundaries(counts: BoundaryCounts) -> dict[str, Value]:
    quality = boundary_quality(counts)
    return {
        "precision": quality.precision,
        "recall": quality.recall,
        "f1": quality.f1,
        "r_value": quality.r_value,
    }


PART = Part("units", order=50, needs={"codes", "labels"}, run=evaluate_units, is_on_cpu=True)
