"""What a search is asked for, checked before Optuna is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from wavenet_ae.schema import NonNegative, Positive, binding_problems, require_none


@dataclass(frozen=True)
class SearchSettings:
    """conf/hydra/sweeper/search.yaml says what each means."""

    num_trials: Positive
    num_parallel: Positive = 1
    direction: Literal["minimize", "maximize"] = "minimize"
    seed: NonNegative = 0
    params: Mapping[str, Any] = field(default_factory=dict)


def check_search_settings(node: Mapping[str, Any]) -> SearchSettings:
    """Raises one UserError that lists all problems of `hydra.sweeper`."""
    require_none(binding_problems(SearchSettings, node, where="hydra.sweeper."))
    return SearchSettings(**node)
