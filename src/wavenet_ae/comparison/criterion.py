"""The metric by which runs are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Criterion:
    """The metric that says which checkpoint of a run, and which run, is best.

    Attributes:
        metric: The name under which validations log it.
        direction: "minimize" or "maximize".
        unit: What it is measured in.
    """

    metric: str
    direction: str
    unit: str


def criterion(config: Mapping[str, Any]) -> Criterion:
    """Returns the criterion of a run.

    Args:
        config: The run's configuration.
    """
    return Criterion("validation/nll", "minimize", "nats per sample")


def cost(value: float, criterion: Criterion) -> float:
    """Returns a number that is lower for a better value."""
    return value if criterion.direction == "minimize" else -value


def order(criterion: Criterion) -> str:
    """Says in words how best first is ordered."""
    return "lowest first" if criterion.direction == "minimize" else "highest first"
