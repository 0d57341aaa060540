"""Columns of a comparison: metrics by their stable names, and how people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CRITERION = "criterion"  # stands for the metric by which the runs are compared
USED_RATE = "bitrate/used"  # at most what the codes carry: their entropy, or a KL
NOMINAL_RATE = "bitrate/nominal"
SPEED = "speed/times_real_time"
EVALUATION = "evaluation/"  # begins the names of an evaluation's headlines
ACRONYMS = {"abx", "f1", "kl", "lsd", "mcd", "nll", "nmi", "pesq", "pnmi", "stoi"}


@dataclass(frozen=True)
class Column:
    """A metric as a table shows it.

    Attributes:
        metric: Its name: `validation/nll` as a run logs it, or `units.pnmi` as an evaluation does.
        heading: Words for people, in lines.
        digits: Decimals; None for four significant digits.
    """

    metric: str
    heading: str
    digits: int | None = None

    def cell(self, metrics: Mapping[str, float]) -> str:
        """Returns the metric as text, "-" for none."""
        value = metrics.get(self.metric)
        if value is None:
            return "-"
        return f"{value:.4g}" if self.digits is None else f"{value:.{self.digits}f}"


KNOWN = (
    Column("validation/nll_increase_shuffled_codes", "NLL\nincrease", 3),
    Column("validation/perplexity", "perplexity", 1),
    Column(USED_RATE, "bit/s\nused", 0),
    Column(NOMINAL_RATE, "bit/s\nnominal", 0),
    Column("units.pnmi", "PNMI", 3),
    Column(SPEED, "x real\ntime", 1),
)
DEFAULT = (CRITERION, *(column.metric for column in KNOWN))
EXPLAINED = {
    "validation/nll_increase_shuffled_codes": "NLL increase: with the codes of another item",
    USED_RATE: "bit/s used: entropy of the codes, or KL to the prior",
    "units.pnmi": "PNMI: of units with phones, by the evaluation",
}


def column(metric: str) -> Column:
    """Returns the column of a metric."""
    heading = words(metric).replace(" ", "\n")
    return next((each for each in KNOWN if each.metric == metric), Column(metric, heading))


def words(metric: str) -> str:
    """Says a metric's name in words: "validation NLL" for `validation/nll`."""
    parts = metric.replace("/", " ").replace(".", " ").replace("_", " ").split()
    return " ".join(part.upper() if part in ACRONYMS else part for part in parts)


def chosen(metrics: Sequence[str], criterion: str, there: set[str]) -> list[str]:
    """Returns the names of the metrics that a table shows beside the criterion.

    Args:
        metrics: What is asked for; nothing stands for `DEFAULT`.
        criterion: The metric by which the runs are compared.
        there: The metrics that some run has.
    """
    asked = dict.fromkeys(metrics or DEFAULT)
    return [each for each in asked if each in there and each not in (CRITERION, criterion)]
