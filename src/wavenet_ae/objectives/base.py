"""The contract of objectives: terms that add up, and the criterion by which runs are ranked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.instantiate import resolve
from wavenet_ae.types import Batch, ModelOutput


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
        losses: Losses by name, with gradient; they are added up, times the term's own weight.
        metrics: What is logged under `train/`, by name.
    """

    losses: dict[str, Tensor]
    metrics: dict[str, Tensor] = field(default_factory=dict)


class ObjectiveTerm(nn.Module):
    """One term of an objective, which may have weights of its own, such as predictors.

    Args:
        weight: What the term's losses are multiplied by.
        start_step: Optimizer steps before the term counts at all.
        ramp_steps: Optimizer steps after `start_step` over which its weight rises from 0.

    Attributes:
        criterion: The criterion of a run that is trained for this term; None where the term only
            goes along with another.
        needs: What the term reads of a model's output, a field of `ModelOutput`; None: nothing that
            a model may lack.
    """

    criterion: ClassVar[Criterion | None] = None
    needs: ClassVar[Literal["nll", "latents"] | None] = None

    def __init__(self, weight: float = 1.0, start_step: int = 0, ramp_steps: int = 0) -> None:
        super().__init__()
        self.weight, self.start_step, self.ramp_steps = weight, start_step, ramp_steps

    def forward(self, output: ModelOutput, batch: Batch, plan: WindowPlan, step: int) -> TermOutput:
        """Returns the losses and metrics of a model's output after `step` optimizer steps.

        Args:
            output: The model's output for the batch.
            batch: The windows, of this process.
            plan: Where the parts of a window lie.
            step: Optimizer steps taken so far.
        """
        raise NotImplementedError

    def validate(self, output: ModelOutput, batch: Batch, plan: WindowPlan) -> dict[str, Tensor]:
        """Returns what a validation logs of a batch, by name.

        Each is the sum of values and their number, (2,).

        Processes may validate different numbers of batches, so they must not meet here.  What every
        model with a decoder logs, the NLL among it, is no matter of a term.
        """
        return {}

    def scale(self, step: int) -> float:
        """Returns what the losses are multiplied by after `step` optimizer steps."""
        if step < self.start_step:
            return 0.0
        if not self.ramp_steps:
            return self.weight
        return self.weight * min(1.0, (step - self.start_step) / self.ramp_steps)


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

    def forward(self, output: ModelOutput, batch: Batch, plan: WindowPlan, step: int) -> Loss:
        losses: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name, term in self._named_terms():
            found: TermOutput = term(output, batch, plan, step)
            if known := {*losses} & {*found.losses}:
                raise ValueError(f"objective.{name} returns a second loss {min(known)!r}")
            scale = term.scale(step)
            losses |= {key: value * scale for key, value in found.losses.items()}
            metrics |= found.metrics
        return Loss(torch.stack([*losses.values()]).sum(), losses, metrics)

    def validate(self, output: ModelOutput, batch: Batch, plan: WindowPlan) -> dict[str, Tensor]:
        """Returns what a validation logs of a batch, see `ObjectiveTerm.validate`."""
        sums: dict[str, Tensor] = {}
        for _, term in self._named_terms():
            sums |= term.validate(output, batch, plan)
        return sums

    def _named_terms(self) -> Iterator[tuple[str, ObjectiveTerm]]:
        for name, term in self.terms.items():
            assert isinstance(term, ObjectiveTerm)
            yield name, term


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
        raise ValueError(
            "no term of the objective has a criterion: choose objective=reconstruction, "
            "contrastive or masked_prediction"
        )
    return found[0]
