"""The numbers that matter most of an evaluation: one line a model, comparable between models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wavenet_ae.evaluation.results import ERROR, HIGH, LOW, Estimate, EvaluationResult, Value


@dataclass(frozen=True)
class Headline:
    """A number of a result.

    Attributes:
        id: Its name among the headlines.
        metric: `table.column`.
        keys: Keys of its row; without any, the first row, which is about the model itself.
        is_lower_better: None where neither direction is better by itself.
    """

    id: str
    metric: str
    keys: Mapping[str, Value] = field(default_factory=dict)
    is_lower_better: bool | None = False


def _probing(id: str, task: str, representation: str) -> Headline:
    keys = {"task": task, "representation": representation, "probe": "linear"}
    return Headline(id, "probing.accuracy", keys)


def _bitrate(id: str, estimate: str) -> Headline:
    return Headline(id, "bitrate.bits_per_second", {"estimate": estimate}, None)


HEADLINES = (
    Headline("nll", "likelihood.nll", {"samples": "all"}, True),
    Headline(
        "nll_increase_shuffled_codes", "ablations.nll_increase", {"control": "shuffled_codes"}
    ),
    Headline("nll_per_frame", "likelihood.nll_per_frame", {"samples": "all"}, True),
    Headline(
        "nll_per_frame_increase_shuffled_codes",
        "ablations.nll_increase_per_frame",
        {"control": "shuffled_codes"},
    ),
    _bitrate("nominal_bits_per_second", "nominal"),
    _bitrate("unigram_bits_per_second", "unigram"),
    _bitrate("kl_bits_per_second", "kl"),
    Headline("pnmi", "units.pnmi"),
    Headline("pnmi_kmeans_mfcc", "units.pnmi", {"system": "kmeans_mfcc"}),
    Headline("boundary_r_value", "boundaries.r_value"),
    _probing("phone_accuracy", "phone", "vectors"),
    _probing("speaker_accuracy_latents", "speaker_of_utterance", "latents"),
    _probing("speaker_accuracy", "speaker_of_utterance", "vectors"),
    Headline(
        "abx_error",
        "abx.error_across_speakers",
        {"representation": "vectors", "distance": "angular", "context": "within"},
        True,
    ),
    Headline("lsd_db", "reconstruction.lsd_db", {"kind": "reconstructed"}, True),
    Headline("mcd_db", "reconstruction.mcd_db", {"kind": "reconstructed"}, True),
    Headline("cer", "intelligibility.cer", {"kind": "reconstructed"}, True),
)


def headlines(result: EvaluationResult) -> dict[str, Estimate]:
    """Headlines that were measured, by their ids."""
    found = {each.id: result.estimate(each.metric, **each.keys) for each in HEADLINES}
    return {id: each for id, each in found.items() if each is not None}


def headline_cells(result: EvaluationResult) -> dict[str, Value]:
    """Cells of the headlines by their ids, with errors and limits."""
    cells: dict[str, Value] = {}
    for id, found in headlines(result).items():
        cells |= {id: found.value, id + ERROR: found.error}
        if found.low is not None:
            cells |= {id + LOW: found.low, id + HIGH: found.high}
    return cells
