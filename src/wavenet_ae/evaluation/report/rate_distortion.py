"""Models between rate and distortion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wavenet_ae.evaluation.parts.likelihood import WORDS
from wavenet_ae.evaluation.report.reading import Judged
from wavenet_ae.metrics.reconstruction import RECONSTRUCTION
from wavenet_ae.plotting.series import Run, Series

METRIC_LABELS = {
    "nats_per_sample": "NLL in nats per sample",
    "lsd_db": "LSD in dB",
    "mcd_db": "MCD in dB",
}


def comparable_series(judged: Sequence[Judged]) -> list[list[Series]]:
    """Returns models that were evaluated on the same utterances, in groups."""
    groups: dict[tuple[str, str], list[Series]] = {}
    for each in judged:
        series = operating_point(each)
        if series is not None:
            key = (str(each.corpus["fingerprint"]), str(each.corpus["split"]))
            groups.setdefault(key, []).append(series)
    return list(groups.values())


def operating_point(judged: Judged) -> Series | None:
    """Returns a model's bitrates and distortions.

    Returns:
        A series of one run, or None if rates were not measured of a model that may have one.
    """
    bitrate = judged.part("bitrate")
    if bitrate is None and "bottleneck" in judged.model:
        return None
    rates: dict[Any, Any] = {
        row["rate"]: row["bits_per_second"] for row in (bitrate.rows if bitrate else ())
    }
    run = Run(_values(judged), used_rate=rates.get("unigram", rates.get("kl")))
    return Series(judged.name, [run], nominal_rate=rates.get("nominal"))


def _values(judged: Judged) -> dict[str, float]:
    nll = _row(judged, "likelihood", "figure", WORDS["all"])
    found = {**nll, **_row(judged, "sounds", "sound", RECONSTRUCTION)}
    return {name: found[name] for name in METRIC_LABELS if found.get(name) is not None}


def _row(judged: Judged, part: str, column: str, wanted: str) -> Mapping[str, Any]:
    findings = judged.part(part)
    rows = findings.rows if findings else ()
    return next((row for row in rows if row[column] == wanted), {})
