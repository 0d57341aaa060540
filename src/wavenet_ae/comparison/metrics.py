"""Metrics of a comparison: the criterion that orders the runs, and the columns of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wavenet_ae.objectives import NLL, Criterion, criterion_of

CRITERION = "criterion"  # stands for the metric by which the runs are compared
USED_RATE = "bitrate/used"  # at most what the codes carry: their entropy, or a KL
NOMINAL_RATE = "bitrate/nominal"
SPEED = "speed/times_real_time"
EVALUATION = "evaluation/"  # begins the names of an evaluation's headlines
ACRONYMS = {
    *("abx", "cer", "dnsmos", "f1", "kl", "lsd", "mcd", "nll", "nmi", "pesq", "pnmi", "stoi", "wer")
}


def criterion(config: Mapping[str, Any]) -> Criterion:
    """Returns the criterion of a run.

    Args:
        config: The run's configuration.  One without an objective, of a run that failed before it
            had any, is compared by its NLL.
    """
    return criterion_of(config) if config.get("objective") else NLL


def cost(value: float, criterion: Criterion) -> float:
    """Returns a number that is lower for a better value."""
    return value if criterion.direction == "minimize" else -value


def order(criterion: Criterion) -> str:
    """Returns the order of the best first in words."""
    return "lowest first" if criterion.direction == "minimize" else "highest first"


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
    "validation/nll_increase_shuffled_codes": "NLL increase: with shuffled codes",
    USED_RATE: "bit/s used: entropy of the codes, or KL to the prior",
    "units.pnmi": "PNMI: of units with phones, by the evaluation",
}


def column(metric: str) -> Column:
    """Returns the column of a metric."""
    heading = words(metric).replace(" ", "\n")
    return next((each for each in KNOWN if each.metric == metric), Column(metric, heading))


def words(metric: str) -> str:
    """Returns a metric's name in words: "validation NLL" for `validation/nll`."""
    parts = metric.replace("/", " ").replace(".", " ").replace("_", " ").split()
    return " ".join(part.upper() if part in ACRONYMS else part for part in parts)


def chosen(metrics: Sequence[str], criterion: str, there: set[str]) -> list[str]:
    """Returns the names of the metrics that a table shows besides the criterion.

    Args:
        metrics: The chosen metrics; empty for `DEFAULT`.
        criterion: The metric by which the runs are compared.
        there: The metrics that some run has.
    """
    asked = dict.fromkeys(metrics or DEFAULT)
    return [each for each in asked if each in there and each not in (CRITERION, criterion)]
