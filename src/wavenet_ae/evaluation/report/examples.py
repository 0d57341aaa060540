"""Utterances whose alignment is shown, with the units of all models that were evaluated on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import soundfile

from wavenet_ae.evaluation.results import EvaluationResult, ResultTable
from wavenet_ae.plotting.alignment import Alignment, Band, Interval

TABLE = "alignment_example"


def examples(results: Sequence[EvaluationResult]) -> Iterator[Alignment]:
    """One example for each utterance whose audio is there, with the units of all its models."""
    shared: dict[tuple[str, str], list[tuple[EvaluationResult, ResultTable, Path]]] = {}
    for each in results:
        table = each.table(TABLE)
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
    """Bands of the codebooks of a model, with its name where it has one."""
    codebooks = sorted({row["codebook"] for row in rows if row["kind"] == "units"})
    bands = []
    for codebook in codebooks:
        numbered = f"{name or 'codebook'} {codebook + 1}"
        title = numbered if len(codebooks) > 1 else name or "units"
        bands.append(Band(title, _intervals(rows, "units", codebook), is_colored=True))
    return bands


def _intervals(
    rows: Sequence[Mapping[str, Any]], kind: str, codebook: int | None
) -> list[Interval]:
    return [
        Interval(str(row["label"]), row["start_seconds"], row["end_seconds"])
        for row in rows
        if row["kind"] == kind and row["codebook"] == codebook
    ]
