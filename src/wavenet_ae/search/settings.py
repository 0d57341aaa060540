"""Settings of a search, and its space in Hydra's own sweep syntax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from wavenet_ae.errors import UserError
from wavenet_ae.schema import NonNegative, Positive, binding_problems, require_none

SYNTAX = (
    "write for example 'optimizer.learning_rate=tag(log,interval(1e-4,1e-2))', "
    "'bottleneck.codebook_size=choice(32,64)', 'bottleneck.dim=range(16,65,16)'"
)


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


@dataclass(frozen=True)
class Space:
    """Search space.

    Attributes:
        searched: Distribution of each key that is searched.
        written: The same as the user wrote it.
        fixed: Overrides that all trials share, in their order.
    """

    searched: Mapping[str, BaseDistribution]
    written: Mapping[str, str]
    fixed: tuple[str, ...]

    def overrides(self, values: Mapping[str, Any]) -> list[str]:
        """Returns the command line of a trial with these values."""
        return [*self.fixed, *(f"{key}={values[key]}" for key in self.searched)]

    def corners(self) -> list[dict[str, Any]]:
        """Returns sets of values that cover every choice and both ends of every interval."""
        ends = {key: _ends(each) for key, each in self.searched.items()}
        number = max(map(len, ends.values()))
        return [{key: each[n % len(each)] for key, each in ends.items()} for n in range(number)]


def parse_space(
    params: Mapping[str, Any], arguments: Sequence[str], loader: ConfigLoader | None = None
) -> Space:
    """Parses a search space.

    Args:
        params: Values of `hydra.sweeper.params`.
        arguments: The command line; its ranges replace those of `params`.
        loader: Hydra's configuration loader, which resolves globs.

    Raises:
        UserError: If nothing is left to search, or a range cannot be searched.
    """
    listed = [f"{key}={'null' if value is None else value}" for key, value in params.items()]
    try:
        parsed = OverridesParser.create(config_loader=loader).parse_overrides([*listed, *arguments])
    except HydraException as error:
        raise UserError(f"hydra.sweeper.params cannot be read: {error}") from None
    last = {each.get_key_element().lstrip("+~"): each for each in parsed}
    searched = {each.get_key_element(): each for each in last.values() if each.is_sweep_override()}
    fixed = [str(each.input_line) for each in last.values() if not each.is_sweep_override()]
    if not searched:
        raise UserError(f"hydra.sweeper.params leaves nothing to search: {SYNTAX}")
    return Space(
        {key: _distribution(each) for key, each in searched.items()},
        {key: each.get_value_string() for key, each in searched.items()},
        tuple(fixed),
    )


def _distribution(override: Override) -> BaseDistribution:
    value = override.value()
    try:
        if isinstance(value, IntervalSweep):
            return _interval(value)
        if isinstance(value, RangeSweep) and not value.shuffle:
            return _range(value)
        return _choice(override)
    except ValueError as error:
        raise UserError(f"{override.input_line} cannot be searched: {error}") from None


def _interval(value: IntervalSweep) -> BaseDistribution:
    if value.tags - {"log"}:
        raise ValueError(f"the only tag is log, not {', '.join(sorted(value.tags))}")
    low, high, is_log = value.start, value.end, "log" in value.tags
    assert low is not None and high is not None
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=is_log)
    return FloatDistribution(low, high, log=is_log)


def _range(value: RangeSweep) -> BaseDistribution:
    """Returns the distribution of the numbers that a grid over this range has, without its stop."""
    numbers = sorted(value.range())
    if value.tags or not numbers:
        raise ValueError("a range has no tags: use interval()" if numbers else "it is empty")
    low, high, step = numbers[0], numbers[-1], abs(value.step)
    if all(isinstance(each, int) for each in numbers):
        return IntDistribution(int(low), int(high), step=int(step))
    return FloatDistribution(low, high, step=step)


def _choice(override: Override) -> BaseDistribution:
    """Returns a distribution of texts as on a command line: lists and null are choices too."""
    value = override.value()
    if isinstance(value, ChoiceSweep | RangeSweep):
        if value.tags:
            raise ValueError("only an interval() has tags")
        value.shuffle = False  # the sampler shuffles, and every start must see the same order
    choices = list(override.sweep_string_iterator())
    if not choices:
        raise ValueError("there is nothing to choose from")
    return CategoricalDistribution(list(dict.fromkeys(choices)))


def _ends(distribution: BaseDistribution) -> Sequence[Any]:
    match distribution:
        case CategoricalDistribution(choices=choices):
            return choices
        case FloatDistribution(low=low, high=high) | IntDistribution(low=low, high=high):
            return (low, high)
    raise AssertionError(distribution)
