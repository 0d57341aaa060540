"""Settings of a search, checked before Optuna is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wavenet_ae.schema import NonNegative, Positive, binding_problems, require_none


@dataclass(frozen=True)
class SearchSettings:
    """Settings of a search, documented in conf/hydra/sweeper/search.yaml.

    Attributes:
        num_trials: Trials in total, including failed ones.
        num_parallel: Trials that the launcher gets at a time.
        seed: Seed of Optuna's sampler.
        params: Ranges in Hydra's sweep syntax, by key.
    """

    num_trials: Positive
    num_parallel: Positive = 1
    seed: NonNegative = 0
    params: Mapping[str, Any] = field(default_factory=dict)


def check_search_settings(node: Mapping[str, Any]) -> SearchSettings:
    """Binds and checks the values of `hydra.sweeper`.

    Raises:
        UserError: If there is any problem; the text lists all of them.
    """
    require_none(binding_problems(SearchSettings, node, where="hydra.sweeper."))
    return SearchSettings(**node)
