"""Settings of a search, and its space: Hydra's sweep syntax becomes Optuna's distributions."""

from __future__ import annotations

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from wavenet_ae.errors import UserError
from wavenet_ae.search.settings import check_search_settings, parse_space

RANGES = {
    "choice(32, 64)": CategoricalDistribution(["32", "64"]),
    "64,32": CategoricalDistribution(["64", "32"]),
    "choice([8,8],[4,3],'a b',1e-3)": CategoricalDistribution(["[8,8]", "[4,3]", r"a\ b", "0.001"]),
    "choice(a,b,a)": CategoricalDistribution(["a", "b"]),
    "shuffle(choice(c,b,a))": CategoricalDistribution(["c", "b", "a"]),
    "range(8, 65, 8)": IntDistribution(8, 64, step=8),
    "range(1, 5)": IntDistribution(1, 4),
    "range(0.0, 1.0, 0.25)": FloatDistribution(0.0, 0.75, step=0.25),
    "shuffle(range(1, 4))": CategoricalDistribution(["1", "2", "3"]),
    "interval(0.9, 0.999)": FloatDistribution(0.9, 0.999),
    "interval(1, 5)": FloatDistribution(1.0, 5.0),
    "int(interval(1, 5))": IntDistribution(1, 5),
    "int(interval(1.0, 5.0))": IntDistribution(1, 5),
    "tag(log, interval(1e-4, 1e-2))": FloatDistribution(1e-4, 1e-2, log=True),
    "tag(log, int(interval(20, 500)))": IntDistribution(20, 500, log=True),
}


@pytest.mark.parametrize("written", RANGES)
def test_ranges_of_hydra_become_distributions(written):
    space = parse_space({"key": written}, [])
    assert space.searched == {"key": RANGES[written]}
    assert space.written == {"key": written} and space.fixed == ()


def test_the_command_line_replaces_ranges_of_the_file():
    params = {"a": "choice(1,2)", "b": "choice(1,2)", "c": "choice(1,2)"}
    space = parse_space(params, ["sweep=x", "b=7", "c=interval(0.0,1.0)", "+d=choice(5,6)"])
    assert space.searched == {
        "a": CategoricalDistribution(["1", "2"]),
        "c": FloatDistribution(0.0, 1.0),
        "+d": CategoricalDistribution(["5", "6"]),
    }
    values = {"a": "2", "c": 1e-05, "+d": "6"}
    assert sorted(space.overrides(values)) == ["+d=6", "a=2", "b=7", "c=1e-05", "sweep=x"]


def test_corners_cover_every_choice_and_both_ends():
    space = parse_space({"a": "choice(x,y,z)", "b": "interval(0.1,0.2)"}, [])
    corners = space.corners()
    assert corners[0] == {"a": "x", "b": 0.1}, "the first values of all"
    assert [each["a"] for each in corners] == ["x", "y", "z"]
    assert {each["b"] for each in corners} == {0.1, 0.2}


@pytest.mark.parametrize(
    "params, message",
    [
        ({}, "leaves nothing to search: write for example"),
        ({"a": 3}, "leaves nothing to search"),
        ({"a": "tag(lgo, interval(1, 2))"}, r"a=tag\(lgo.*the only tag is log, not lgo"),
        ({"a": "tag(log, choice(1, 2))"}, r"only an interval\(\) has tags"),
        ({"a": "tag(log, interval(0.0, 2.0))"}, r"a=tag\(log, interval\(0\.0, 2\.0\)\) cannot be"),
        ({"a": "interval(2.0, 1.0)"}, "cannot be searched.*2.0.*1.0"),
        ({"a": "range(5, 5)"}, "it is empty"),
        ({"a": "choice(1,"}, "hydra.sweeper.params cannot be read"),
    ],
)
def test_a_range_that_cannot_be_searched_is_named(params, message):
    with pytest.raises(UserError, match=message):
        parse_space(params, [])


def test_all_problems_of_the_settings_are_reported_at_once():
    with pytest.raises(UserError) as error:
        check_search_settings({"num_trails": 5, "num_parallel": -1, "num_trials": 2})
    assert "num_trails is not known. Did you mean 'num_trials'?" in str(error.value)
    assert "hydra.sweeper.num_parallel is -1, but must be" in str(error.value)
