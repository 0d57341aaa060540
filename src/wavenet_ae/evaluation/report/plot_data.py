"""What the plots of a page show, read from results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from wavenet_ae.evaluation.contingency import LABEL, OTHER, UNLABELED
from wavenet_ae.evaluation.headlines import headlines
from wavenet_ae.evaluation.report.words import cell_words
from wavenet_ae.evaluation.results import EvaluationResult, ResultTable
from wavenet_ae.plotting.alignment import Alignment, Band, Interval
from wavenet_ae.plotting.memory import MemoryCurve
from wavenet_ae.plotting.series import Run, Series
from wavenet_ae.plotting.units import LabelShares, label_shares

# Distortions among the headlines, as axes name them.
METRIC_LABELS = {
    "nll": "NLL in nats per sample",
    "lsd_db": "LSD in dB",
    "mcd_db": "MCD in dB",
}
EXAMPLE = "alignment_example"  # the table of an utterance, its labels and units


def comparable_series(results: Sequence[EvaluationResult]) -> list[list[Series]]:
    """Models that were evaluated on the same utterances, in groups."""
    groups: dict[tuple[str, str], list[Series]] = {}
    for each in results:
        series = rate_and_distortion(each)
        if series is not None:
            key = (str(each.corpus["fingerprint"]), str(each.corpus["split"]))
            groups.setdefault(key, []).append(series)
    return list(groups.values())


def rate_and_distortion(result: EvaluationResult) -> Series | None:
    """Bitrates and distortions of a model.

    Returns:
        A series of one run, or None if the bitrate was not measured but may have been.
    """
    if result.table("bitrate") is None and result.has_codes:
        return None
    found = {id: each.value for id, each in headlines(result).items()}
    used = found.get("unigram_bits_per_second", found.get("kl_bits_per_second"))
    run = Run({id: found[id] for id in METRIC_LABELS if id in found}, used)
    return Series(result.name, [run], found.get("nominal_bits_per_second"))


@dataclass(frozen=True)
class UnitTable:
    """Counts of one system of units.

    Attributes:
        kind: The system, in words.
        num_units: Number of units.
        num_used: Number of units that occur.
        num_frames: Number of frames.
        units: (U,) units that have a row, which are the most frequent where there are many.
        labels: L names.
        counts: (U, L) frames of each unit and label.
        labeled: (U,) frames with any label.
        frames: (U,) all frames.
    """

    kind: str
    num_units: int
    num_used: int
    num_frames: int
    units: np.ndarray
    labels: Sequence[str]
    counts: np.ndarray
    labeled: np.ndarray
    frames: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """(U',) of all frames, of the units that occur."""
        shares = self.frames / max(self.num_frames, 1)
        return shares[shares > 0]  # type: ignore[no-any-return]


def unit_tables(result: EvaluationResult) -> list[UnitTable]:
    """Counts of each system, the model's own first; none where they were not measured."""
    counts, usage = result.table("contingency"), result.table("unit_usage")
    if counts is None or usage is None:
        return []
    by_system: dict[str, list[Mapping[str, Any]]] = {}
    for row in counts.rows:
        by_system.setdefault(str(row["system"]), []).append(row)
    totals: Mapping[str, Mapping[str, Any]] = {str(row["system"]): row for row in usage.rows}
    return [_table(rows, totals[system]) for system, rows in by_system.items()]


def _table(rows: Sequence[Mapping[str, Any]], totals: Mapping[str, Any]) -> UnitTable:
    columns = [name for name in rows[0] if name.startswith(LABEL)]
    counts = np.array([[row[name] for name in columns] for row in rows], np.int64)
    labeled = counts.sum(axis=1) + [row.get(OTHER, 0) for row in rows]
    return UnitTable(
        kind=cell_words("system", totals["system"]),
        num_units=totals["num_units"],
        num_used=totals["num_used"],
        num_frames=totals["num_frames"],
        units=np.array([row["unit"] for row in rows]),
        labels=[name.removeprefix(LABEL) for name in columns],
        counts=counts,
        labeled=labeled,
        frames=labeled + [row[UNLABELED] for row in rows],
    )


def shares_of(table: UnitTable) -> LabelShares:
    """Returns the shares of labels of a table that has labeled frames."""
    return label_shares(
        table.kind, table.counts, np.asarray(table.labeled), table.labels, table.units
    )


def examples(results: Sequence[EvaluationResult]) -> Iterator[Alignment]:
    """Yields an example for each utterance whose audio is there, with units of all its models."""
    shared: dict[tuple[str, str], list[tuple[EvaluationResult, ResultTable, Path]]] = {}
    for each in results:
        table = each.table(EXAMPLE)
        if table is None:
            continue
        audio = (each.folder or Path()) / str(table.metadata["file"])
        if audio.is_file():
            key = (str(each.corpus["fingerprint"]), str(table.metadata["utterance"]))
            shared.setdefault(key, []).append((each, table, audio))
    for (_, utterance), members in shared.items():
        _, first, audio = members[0]
        samples, rate = soundfile.read(audio, dtype="int16")
        names = [each.name for each, _, _ in members] if len(members) > 1 else [""]
        units = [
            band
            for name, (_, table, _) in zip(names, members, strict=True)
            for band in unit_bands(table.rows, name)
        ]
        labels = Band("labels", _intervals(first.rows, "labels", None), is_colored=False)
        yield Alignment(utterance, samples, rate, labels, units)


def unit_bands(rows: Sequence[Mapping[str, Any]], name: str) -> list[Band]:
    """Bands of the codebooks of a model, stream by stream, with its name where it has one."""
    books: dict[str, set[int]] = {}  # of each stream of codes, in the order of the rows
    for row in rows:
        if row["kind"].partition("/")[0] == "units":
            books.setdefault(row["kind"], set()).add(row["codebook"])
    bands = []
    for kind, codebooks in books.items():
        stream = kind.partition("/")[2]
        of_stream = " ".join(filter(None, [name, stream]))
        for codebook in sorted(codebooks):
            numbered = f"{of_stream or 'codebook'} {codebook + 1}"
            title = numbered if len(codebooks) > 1 else of_stream or "units"
            bands.append(Band(title, _intervals(rows, kind, codebook), is_colored=True))
    return bands


def _intervals(
    rows: Sequence[Mapping[str, Any]], kind: str, codebook: int | None
) -> list[Interval]:
    return [
        Interval(str(row["label"]), row["start_seconds"], row["end_seconds"])
        for row in rows
        if row["kind"] == kind and row["codebook"] == codebook
    ]


def memory_curves(
    result: EvaluationResult,
) -> tuple[list[MemoryCurve], tuple[float, float]] | None:
    """Returns explained variances by lag, and the first and last lag that a code reads."""
    table = result.table("memory")
    if table is None:
        return None
    curves: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in table.rows:
        key = tuple(cell_words(each, str(row[each])) for each in ("representation", "probe"))
        curves.setdefault(key, []).append((row["lag_ms"], row["explained_variance"]))  # type: ignore
    read = [float(row["lag_ms"]) for row in table.rows if row["is_read"]]  # type: ignore[arg-type]
    found = [MemoryCurve(*key, *zip(*points, strict=True)) for key, points in curves.items()]
    return found, (min(read, default=0.0), max(read, default=0.0))
