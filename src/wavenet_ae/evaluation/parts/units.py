"""The part of an evaluation that asks what units say of phones, beside clusters of MFCC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from wavenet_ae.evaluation.labeled_corpus import LabeledCorpus
from wavenet_ae.evaluation.parts.alignment_example import judge_example
from wavenet_ae.evaluation.parts.contingency import UnitCounts, code_by_phone
from wavenet_ae.evaluation.parts.unit_systems import Units
from wavenet_ae.evaluation.progress import Progress
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.labels import Segments
from wavenet_ae.metrics.boundaries import (
    BoundaryCounts,
    boundary_counts,
    boundary_quality,
    change_seconds,
    uniform_seconds,
)
from wavenet_ae.metrics.durations import RunLengths, unit_durations
from wavenet_ae.metrics.units import JointCounts, halves, held_out_accuracy, joint_quality
from wavenet_ae.models import Autoencoder

UNIFORM = "uniform boundaries"


@dataclass
class Tally:
    """What is counted of one kind of units, utterance by utterance."""

    joint: list[JointCounts]  # of either half of the speakers
    frames: np.ndarray  # (K,) int64 of each unit, with a label or without
    runs: RunLengths = field(default_factory=RunLengths.none)
    boundaries: BoundaryCounts = field(default_factory=BoundaryCounts)
    uniform: BoundaryCounts = field(default_factory=BoundaryCounts)

    @property
    def total(self) -> JointCounts:
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
        """Units (N,) of one utterance and their labels (N,); `uniform` are as many changes, evenly
        from the first anchor to the last."""
        self.joint[half] = self.joint[half].added(units, labels)
        self.frames = self.frames + np.bincount(units, minlength=len(self.frames))
        self.runs = self.runs.added(units)
        changes = change_seconds(units, anchors, rate)
        even = uniform_seconds(len(changes), anchors[0] / rate, anchors[-1] / rate)
        self.boundaries += boundary_counts(changes, segments)
        self.uniform += boundary_counts(even, segments)


def tallied(
    units: Units, labeled: LabeledCorpus, seed: int, progress: Progress
) -> dict[str, Tally]:
    """Of all utterances with labels, by the names of the kinds of units, in their order."""
    num_labels, rate = len(labeled.inventory), labeled.corpus.sample_rate
    tallies = {}
    for name, num_units in units.sizes.items():
        none = JointCounts.none(num_units, num_labels)
        tallies[name] = Tally([none, none], np.zeros(num_units, np.int64))
    _, names = _divided(labeled)
    half = halves(names, seed)
    for number, (row, of) in enumerate(zip(labeled.rows, names, strict=True), start=1):
        anchors, found = units.of(labeled.corpus, row)
        labels, segments = labeled.at(row, anchors), labeled.of(row)
        for name, each in found.items():
            tallies[name].add(each, labels, half[of], anchors, segments, rate)
        progress.at(number / len(labeled.rows))
    return tallies


def judge_units(
    model: Autoencoder, labeled: LabeledCorpus, seed: int, folder: Path, progress: Progress
) -> Iterator[ResultTable]:
    """Two tables, units and labels, units and boundaries; and what pictures are drawn from, of
    which an utterance's sound is written to `folder`."""
    units = Units(model, labeled.corpus, seed)
    tallies = tallied(units, labeled, seed, progress)
    yield ResultTable(
        "units",
        "What units say of phones",
        _about(labeled, units),
        [_label_row(name, tally, seed) for name, tally in tallies.items()],
    )
    milliseconds = 1000 * float(model.hop) / model.sample_rate
    rows = [_boundary_row(name, tally, milliseconds) for name, tally in tallies.items()]
    own = next(iter(tallies.values()))
    rows.append({**dict.fromkeys(rows[0]), "units": UNIFORM, **_boundaries(own.uniform)})
    yield ResultTable(
        "boundaries",
        "Where units change, and how long they last",
        "Boundaries of labels beside changes of units, within 20 ms; uniform boundaries are as "
        "many as the first units' changes, evenly spaced.  Milliseconds are of runs of one unit.",
        rows,
    )
    counts = {name: UnitCounts(tally.total.counts, tally.frames) for name, tally in tallies.items()}
    yield code_by_phone(counts, labeled.inventory)
    yield judge_example(units, labeled, folder)


def _divided(labeled: LabeledCorpus) -> tuple[str, list[str]]:
    """What is divided into halves, and which of these each utterance with labels belongs to."""
    speakers = [labeled.speaker(row) for row in labeled.rows]
    if len(set(speakers)) > 1:
        return "speakers", speakers
    return "utterances", [labeled.corpus.keys[row] for row in labeled.rows]


def _about(labeled: LabeledCorpus, units: Units) -> str:
    has_training = len(labeled.corpus.rows("train")) > 0
    fitted_to = "the training split" if has_training else "the same utterances"
    of, _ = _divided(labeled)
    sentences = (
        f"All {len(labeled.rows)} utterances with labels, of whatever split, and their "
        f"{len(labeled.inventory)} labels ({labeled.num_without} others have no label file).  "
        "PNMI: I(unit; label) / H(label), with shuffled labels beside it; purity: share of frames "
        "whose label is the commonest of their unit, on the same frames (van den Oord et al. "
        "2017), beside the commonest label "
        f"of all (majority), and with that dictionary made on the other half of the {of} "
        f"(held out).  k-means is fitted to {fitted_to}."
    )
    return "  ".join([sentences, *units.remarks])


def _label_row(name: str, tally: Tally, seed: int) -> dict[str, Value]:
    quality = joint_quality(tally.total, seed)
    return {
        "units": name,
        "pnmi": quality.pnmi,
        "pnmi_shuffled": quality.pnmi_shuffled,
        "nmi": quality.nmi,
        "purity": quality.phone_purity,
        "held_out": held_out_accuracy((tally.joint[0], tally.joint[1])),
        "majority": quality.majority,
        "cluster_purity": quality.cluster_purity,
        "perplexity": quality.perplexity,
        "num_used": quality.num_used,
        "num_units": quality.num_codes,
        "num_frames": quality.num_frames,
        "num_unlabeled": quality.num_unlabeled,
        "num_excluded": quality.num_excluded,
    }


def _boundary_row(name: str, tally: Tally, milliseconds: float) -> dict[str, Value]:
    durations = unit_durations(tally.runs, milliseconds)
    return {
        "units": name,
        **_boundaries(tally.boundaries),
        "mean_ms": durations.mean,
        "median_ms": durations.median,
        "single_codes": durations.single_codes,
    }


def _boundaries(counts: BoundaryCounts) -> dict[str, Value]:
    quality = boundary_quality(counts)
    return {
        "precision": quality.precision,
        "recall": quality.recall,
        "f1": quality.f1,
        "r_value": quality.r_value,
    }
