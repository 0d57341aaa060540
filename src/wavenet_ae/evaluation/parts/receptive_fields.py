"""The part of an evaluation that measures what reads what, beside what the geometry says."""

from __future__ import annotations

from wavenet_ae.evaluation.results import ResultTable
from wavenet_ae.metrics.receptive_fields import certify
from wavenet_ae.models import GenerativeModel


def judge_certificates(model: GenerativeModel) -> ResultTable:
    return ResultTable(
        part="certificates",
        title="What reads what",
        about=(
            "In samples from where the reader stands: a code from its anchor, a prediction from "
            "the sample that is predicted.  Computed by the geometry, and measured by where a "
            "NaN goes."
        ),
        rows=[
            {
                "what": each.name,
                "computed": str(each.computed),
                "measured": str(each.measured),
                "agree": "yes" if each.agrees else "NO",
            }
            for each in certify(model)
        ],
    )
