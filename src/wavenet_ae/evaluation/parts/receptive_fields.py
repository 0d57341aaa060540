"""Receptive fields: which samples each code and each prediction depends on."""

from __future__ import annotations

from collections.abc import Iterator

from wavenet_ae.evaluation.part import Context, Part
from wavenet_ae.evaluation.progress import Progress
from wavenet_ae.evaluation.results import ResultTable
from wavenet_ae.metrics.receptive_fields import certify

# In the order of `certify`; a model without codes has the first alone.
IDS = (
    "prediction_of_samples",
    "code_of_samples",
    "code_by_predictions",
    "prediction_by_codes",
)


def evaluate_receptive_fields(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yield the table `receptive_fields`, in samples from the place of the reader."""
    yield ResultTable(
        "receptive_fields",
        ["reads"],
        [
            {
                "reads": id,
                "computed_first": float(each.computed.first),
                "computed_last": float(each.computed.last),
                "measured_first": float(each.measured.first),
                "measured_last": float(each.measured.last),
                "agrees": each.agrees,
            }
            for id, each in zip(IDS, certify(context.model), strict=False)
        ],
    )


PART = Part("receptive_fields", order=10, run=evaluate_receptive_fields, is_on_cpu=True)
