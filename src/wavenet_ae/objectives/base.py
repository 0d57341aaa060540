"""The contract of objectives: terms that add up, and the criterion by which runs are ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.instantiate import resolve
from wavenet_ae.types import ModelOutput


@dataclass(frozen=True)
class Criterion:
    """The metric by which checkpoints, search, comparison and reports rank models.

    Attributes:
        metric: Name under which a validation logs it.
        direction: Whether less or more of it is better.
        unit: Its unit, for people.
        label: What it is, for people.
    """

    metric: str
    direction: Literal["minimize", "maximize"]
    unit: str
    label: str

    def is_better(self, value: float, than: float) -> bool:
        """Returns whether a value is better than another; a NaN never is."""
        return value < than if self.direction == "minimize" else value > than


@dataclass(frozen=True)
class TermOutput:
    """What a term of an objective adds to a step.

    Attributes:
        losses: Weighted losses by name, with gradient; they are added up.
        metrics: What is logged under `train/`, by name.
    """

    losses: dict[str, Tensor]
    metrics: dict[str, Tensor] = field(default_factory=dict)


class ObjectiveTerm(nn.Module):
    """One term of an objective.

    Attributes:
        criterion: The criterion of a run that is trained for this term; None where the term only
            goes along with another.
    """

    criterion: ClassVar[Criterion | None] = None

    def forward(self, output: ModelOutput, plan: WindowPlan, step: int) -> TermOutput:
        """Returns the losses and metrics of a model's output after `step` optimizer steps."""
        raise NotImplementedError


@dataclass(frozen=True)
class Loss:
    """What a step minimizes, and what it is made of.

    Attributes:
        total: Sum of all losses.
        losses: Weighted losses of all terms, by name.
        metrics: Metrics of all terms, by name.
    """

    total: Tensor
    losses: dict[str, Tensor]
    metrics: dict[str, Tensor]


class Objective(nn.Module):
    """The sum of its terms.

    Args:
        terms: Terms by name, the one whose criterion counts first.

    Raises:
        ValueError: No term has a criterion, or two terms return a loss of the same name.
    """

    def __init__(self, terms: Mapping[str, ObjectiveTerm]) -> None:
        super().__init__()
        self.terms = nn.ModuleDict(dict(terms))
        self.criterion = _first_criterion(terms.values())

    def forward(self, output: ModelOutput, plan: WindowPlan, step: int) -> Loss:
        losses: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name, term in self.terms.items():
            found: TermOutput = term(output, plan, step)
            if known := {*losses} & {*found.losses}:
                raise ValueError(f"objective.{name} returns a second loss {min(known)!r}")
            losses |= found.losses
            metrics |= found.metrics
        return Loss(torch.stack([*losses.values()]).sum(), losses, metrics)


def criterion_of(config: Mapping[str, Any]) -> Criterion:
    """Returns the criterion of a run from its plain configuration.

    Raises:
        ValueError: No term of the objective has one.
    """
    nodes = [node for node in config["objective"].values() if node is not None]
    return _first_criterion(resolve(node["_target_"], ObjectiveTerm) for node in nodes)


def _first_criterion(terms: Any) -> Criterion:
    found = [each.criterion for each in terms if each.criterion is not None]
    if not found:
        raise ValueError("no term of the objective has a criterion: add objective.reconstruction")
    return found[0]
