"""Rate and distortion of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wavenet_ae.evaluation.headlines import headlines
from wavenet_ae.evaluation.results import EvaluationResult

# Distortions among the headlines, as axes name them.
MEASURES = {
    "nll": "NLL in nats per sample",
    "lsd_db": "LSD in dB",
    "mcd_db": "MCD in dB",
}


@dataclass(frozen=True)
class Point:
    """One model.

    Attributes:
        name: Its name.
        number: Its place on the page.
        used: Bits per second by the entropy of the codes, or by the KL; None without a rate.
        nominal: Bits per second if all codes were equally frequent.
        values: MEASURES that were measured.
    """

    name: str
    number: int
    used: float | None
    nominal: float | None
    values: Mapping[str, float]


def comparable_points(results: Sequence[EvaluationResult]) -> list[list[Point]]:
    """Points in groups of models that were evaluated on the same utterances."""
    groups: dict[tuple[str, str], list[Point]] = {}
    for number, each in enumerate(results):
        point = rate_distortion_point(each, number)
        if point is not None:
            key = (str(each.corpus["fingerprint"]), str(each.corpus["split"]))
            groups.setdefault(key, []).append(point)
    return list(groups.values())


def rate_distortion_point(result: EvaluationResult, number: int) -> Point | None:
    """The point of a model, or None where its bitrate was not measured but may have been."""
    if result.table("bitrate") is None and result.has_codes:
        return None
    found = {id: each.value for id, each in headlines(result).items()}
    return Point(
        name=result.name,
        number=number,
        used=found.get("unigram_bits_per_second", found.get("kl_bits_per_second")),
        nominal=found.get("nominal_bits_per_second"),
        values={id: found[id] for id in MEASURES if id in found},
    )
