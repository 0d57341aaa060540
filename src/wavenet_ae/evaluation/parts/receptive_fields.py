"""Receptive fields: which samples each code and each prediction depends on."""

from __future__ import annotations

from collections.abc import Iterator

from wavenet_ae.evaluation.part import Context, Part, SkipPart
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.metrics.receptive_fields import measure_receptive_fields
from wavenet_ae.progress import Progress

IDS = {
    "receptive field of the decoder": "prediction_of_samples",
    "receptive field of a code": "code_of_samples",
    "samples conditioned on a code": "code_by_predictions",
    "receptive field of the decoder through codes": "prediction_by_codes",
}


def evaluate_receptive_fields(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields the table `receptive_fields`, in samples from the place of the reader."""
    rows: list[dict[str, Value]] = [
        {
            "reads": IDS[each.name],
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


PART = Part(
    "receptive_fields",
    order=10,
    run=evaluate_receptive_fields,
    is_on_cpu=True,
)
