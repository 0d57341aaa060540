"""Utterances that evaluations give as examples, with the units of all models that have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import soundfile

from wavenet_ae.evaluation.parts.alignment_example import PART
from wavenet_ae.evaluation.report.reading import Judged
from wavenet_ae.evaluation.results import ResultTable
from wavenet_ae.plotting.alignment import Alignment, Band, Interval


def examples(judged: Sequence[Judged]) -> Iterator[Alignment]:
    """One for each utterance whose sound is there, whatever number of models were judged on it."""
    shared: dict[tuple[str, str], list[tuple[Judged, ResultTable]]] = {}
    for each in judged:
        found = each.part(PART)
        if found is not None and (each.folder / str(found.settings["file"])).is_file():
            key = (str(each.corpus["fingerprint"]), str(found.settings["utterance"]))
            shared.setdefault(key, []).append((each, found))
    for (_, utterance), members in shared.items():
        first, findings = members[0]
        sound = first.folder / str(findings.settings["file"])
        samples, rate = soundfile.read(sound, dtype="int16")
        names = [each.name for each, _ in members] if len(members) > 1 else [""]
        units = [
            band
            for name, (_, found) in zip(names, members, strict=True)
            for band in unit_bands(found.rows, name)
        ]
        labels = Band("labels", _intervals(findings.rows, "phones", None), is_colored=False)
        yield Alignment(utterance, samples, rate, labels, units)


def unit_bands(rows: Sequence[Mapping[str, Any]], name: str) -> list[Band]:
    """A band for each codebook, called by the model's name, or else by what it is."""
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
