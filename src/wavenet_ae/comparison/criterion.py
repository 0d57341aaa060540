"""The metric by which runs are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wavenet_ae.objectives import NLL, Criterion, criterion_of


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
    """Says in words how best first is ordered."""
    return "lowest first" if criterion.direction == "minimize" else "highest first"
