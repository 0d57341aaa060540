"""Receptive fields: which samples each code and each prediction depends on."""

from __future__ import annotations

from collections.abc import Iterator

from wavenet_ae.evaluation.part import Context, Part, SkipPart
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.metrics.receptive_fields import (
    CONDITIONED,
    OF_CODE,
    OF_DECODER,
    THROUGH_CODES,
    measure_receptive_fields,
)
from wavenet_ae.progress import Progress

IDS = {
    OF_DECODER: "prediction_of_samples",
    OF_CODE: "code_of_samples",
    CONDITIONED: "code_by_predictions",
    THROUGH_CODES: "prediction_by_codes",
}


def evaluate_receptive_fields(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields the table `receptive_fields`, in samples from the place of the reader."""
    rows: list[dict[str, Value]] = [
        {
            "reads": _id(each.name),
            "computed_first": float(each.computed.first),
            "computed_last": float(each.computed.last),
            "measured_first": float(each.measured.first),
            "measured_last": float(each.measured.last),
            "agrees": each.agrees,
        }
        for each in measure_receptive_fields(context.model)
    ]
    if not rows:
        raise SkipPart("no_fixed_context")
    yield ResultTable("receptive_fields", ["reads"], rows)


def _id(name: str) -> str:
    """Returns the id of a receptive field, with its stream of codes where it is one of several."""
    field, slash, stream = name.partition("/")
    return IDS[field] + slash + stream


PART = Part(
    "receptive_fields",
    order=10,
    run=evaluate_receptive_fields,
    is_on_cpu=True,
)
