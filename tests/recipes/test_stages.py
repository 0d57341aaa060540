"""The key `stages`: what it takes, and what is refused with all of its mistakes at once."""

from __future__ import annotations

import pytest

from wavenet_ae.errors import UserError
from wavenet_ae.recipes.stages import Clusters, Stage, parse_stages

GOOD = {
    "teach": {"overrides": ["bottleneck=ae"]},
    "name": {"clusters": {"source": "teach", "num_clusters": 16}},
    "speak": {"init_from": "name", "overrides": ["optimizer.frozen=[encoder]"]},
}
CENTERED_CODES = {"clustered": "codes", "remove_utterance_mean": True}


def test_stages_keep_their_order_and_keys():
    teach, name, speak = parse_stages(GOOD)
    assert teach == Stage("teach", 1, ("bottleneck=ae",))
    assert name == Stage("name", 2, clusters=Clusters("teach", num_clusters=16))
    assert speak == Stage("speak", 3, ("optimizer.frozen=[encoder]",), init_from="name")


@pytest.mark.parametrize(
    ("stages", "problem"),
    [
        ({}, "stages is {}"),
        (["bottleneck=ae"], "must be a mapping of at least one stage"),
        ({"a": ["bottleneck=ae"]}, "stages.a is .*must be a mapping with the key overrides"),
        ({"a b": {}}, "stages.a b: a stage's name has letters, digits and _ only"),
        ({"mfcc": {}}, "stages.mfcc: a stage's name .* is not mfcc"),
        ({"a": {"override": []}}, "stages.a.override is not known. Did you mean 'overrides'?"),
        ({"a": {"overrides": "seed=1"}}, "stages.a.overrides is 'seed=1', but must be a list"),
        ({"a": {}, "b": {"init_from": "c"}}, "stages.b.init_from is 'c', but must be an earlier"),
        ({"a": {"init_from": "b"}, "b": {}}, "stages.a.init_from is 'b', but must be an earlier"),
        ({"a": {"clusters": {}}}, "stages.a.clusters.source is missing"),
        (
            {"teach": {}, "b": {"clusters": {"source": "taech"}}},
            "source is 'taech', but must be mfcc or .*Did you mean 'teach'?",
        ),
        (
            {"a": {"clusters": {"source": "mfcc", "num_clusters": 0}}},
            "stages.a.clusters.num_clusters is 0, but must be a whole number of at least 1",
        ),
        (
            {"a": {}, "b": {"clusters": {"source": "a", **CENTERED_CODES}}},
            "stages.b.clusters.remove_utterance_mean is true, but clustered is codes",
        ),
        ({"a": {"overrides": ["run_folder=x"]}}, "run_folder belongs to the whole recipe"),
        ({"a": {"overrides": ["hydra/launcher=local"]}}, "belongs to the whole recipe"),
        (
            {"a": {}, "b": {"init_from": "a", "overrides": ["init_from=x.ckpt"]}},
            "stages.b.init_from is a, but its overrides set init_from too",
        ),
    ],
)
def test_mistakes_are_named_with_the_remedy(stages, problem):
    with pytest.raises(UserError, match=problem):
        parse_stages(stages)


def test_all_mistakes_are_named_at_once():
    with pytest.raises(UserError) as found:
        parse_stages({"a": {"x": 1}, "b": {"init_from": "z"}})
    assert "for 2 reasons" in str(found.value)
