"""Where models stand between rate and distortion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wavenet_ae.evaluation.parts.likelihood import WORDS
from wavenet_ae.evaluation.report.reading import Judged
from wavenet_ae.metrics.reconstruction import RECONSTRUCTION

MEASURES = {
    "nats_per_sample": "NLL in nats per sample",
    "lsd_db": "LSD in dB",
    "mcd_db": "MCD in dB",
}


@dataclass(frozen=True)
class Point:
    """Of the model `number` on the page.

    used     bits per second: the codes' entropy, or KL; None where a model has no rate
    nominal  of codes that are all as frequent
    values   those of MEASURES that were found
    """

    name: str
    number: int
    used: float | None
    nominal: float | None
    values: Mapping[str, float]


def comparable_points(judged: Sequence[Judged]) -> list[list[Point]]:
    """Models that were judged on the same utterances, in groups."""
    groups: dict[tuple[str, str], list[Point]] = {}
    for number, each in enumerate(judged):
        point = operating_point(each, number)
        if point is not None:
            key = (str(each.corpus["fingerprint"]), str(each.corpus["split"]))
            groups.setdefault(key, []).append(point)
    return list(groups.values())


def operating_point(judged: Judged, number: int) -> Point | None:
    """None where rates were not measured, of a model that may have one."""
    bitrate = judged.part("bitrate")
    if bitrate is None and "bottleneck" in judged.model:
        return None
    rates: dict[Any, Any] = {
        row["rate"]: row["bits_per_second"] for row in (bitrate.rows if bitrate else ())
    }
    return Point(
        name=judged.name,
        number=number,
        used=rates.get("unigram", rates.get("kl")),
        nominal=rates.get("nominal"),
        values=_values(judged),
    )


def _values(judged: Judged) -> dict[str, float]:
    nll = _row(judged, "likelihood", "figure", WORDS["all"])
    found = {**nll, **_row(judged, "sounds", "sound", RECONSTRUCTION)}
    return {name: found[name] for name in MEASURES if found.get(name) is not None}


def _row(judged: Judged, part: str, column: str, wanted: str) -> Mapping[str, Any]:
    findings = judged.part(part)
    rows = findings.rows if findings else ()
    return next((row for row in rows if row[column] == wanted), {})
