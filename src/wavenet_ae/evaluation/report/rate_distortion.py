"""Rate and distortion of models."""

from __future__ import annotations

from collections.abc import Sequence

from wavenet_ae.evaluation.headlines import headlines
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.plotting.series import Run, Series

# Distortions among the headlines, as axes name them.
METRIC_LABELS = {
    "nll": "NLL in nats per sample",
    "lsd_db": "LSD in dB",
    "mcd_db": "MCD in dB",
}


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
