"""What every term of an objective promises.  A new member is one line in configs.py."""

from __future__ import annotations

import pytest
import torch
from helpers.configs import BOTTLENECKS, OBJECTIVES, small

from wavenet_ae.instantiate import instantiate
from wavenet_ae.models import build
from wavenet_ae.objectives import Criterion, Objective, ObjectiveTerm, TermOutput, criterion_of
from wavenet_ae.types import ModelOutput


@pytest.fixture(params=sorted(OBJECTIVES))
def term(request) -> ObjectiveTerm:
    return instantiate(OBJECTIVES[request.param], ObjectiveTerm)


def output_of(bottleneck: str) -> tuple[ModelOutput, object]:
    torch.manual_seed(0)
    model = build(small(bottleneck), ["a"])
    plan = model.window(2 * int(model.hop))
    waveform = torch.randint(-9000, 9000, (2, plan.slice_length), dtype=torch.int16)
    return model(waveform, torch.zeros(2, dtype=torch.int64), plan), plan


@pytest.mark.parametrize("bottleneck", sorted(BOTTLENECKS))
def test_losses_and_metrics_are_finite_scalars(term, bottleneck):
    output, plan = output_of(bottleneck)
    found = term(output, plan, 1000)
    for name, value in {**found.losses, **found.metrics}.items():
        assert value.ndim == 0 and value.isfinite(), name


def test_a_criterion_names_a_metric_of_validation(term):
    criterion = type(term).criterion
    if criterion is not None:
        assert criterion.metric.startswith("validation/")
        assert criterion.is_better(1.0, 2.0) == (criterion.direction == "minimize")
        assert not criterion.is_better(float("nan"), 0.0)


def test_an_objective_is_the_sum_of_its_terms():
    output, plan = output_of("vqvae")
    terms = {name: instantiate(node, ObjectiveTerm) for name, node in OBJECTIVES.items()}
    loss = Objective(terms)(output, plan, 1000)
    alone = [term(output, plan, 1000).losses for term in terms.values()]
    assert loss.losses.keys() == {name for each in alone for name in each}
    torch.testing.assert_close(loss.total, sum(value for each in alone for value in each.values()))


def test_a_new_term_adds_its_loss_and_metric():
    class Loudness(ObjectiveTerm):
        def forward(self, output, plan, step) -> TermOutput:
            level = output.targets.float().mean()
            return TermOutput({"loudness": 2 * level}, {"level": level})

    output, plan = output_of("ae")
    usual = {name: instantiate(node, ObjectiveTerm) for name, node in OBJECTIVES.items()}
    without, loss = (
        Objective(usual)(output, plan, 0),
        Objective({**usual, "x": Loudness()})(output, plan, 0),
    )
    torch.testing.assert_close(loss.total - without.total, 2 * loss.metrics["level"])


def test_the_first_criterion_counts_and_one_is_needed():
    class Accuracy(ObjectiveTerm):
        criterion = Criterion("validation/accuracy", "maximize", "", "accuracy")

    usual = {name: instantiate(node, ObjectiveTerm) for name, node in OBJECTIVES.items()}
    assert Objective(usual).criterion.metric == "validation/nll"
    assert Objective({"a": Accuracy(), **usual}).criterion.direction == "maximize"
    with pytest.raises(ValueError, match=r"add objective\.reconstruction"):
        Objective({"bottleneck": usual["bottleneck"]})


def test_two_losses_of_one_name_are_refused():
    output, plan = output_of("ae")
    nll = instantiate(OBJECTIVES["reconstruction"], ObjectiveTerm)
    with pytest.raises(ValueError, match=r"objective\.again returns a second loss 'nll'"):
        Objective({"reconstruction": nll, "again": nll})(output, plan, 0)


def test_the_criterion_of_a_configuration():
    assert criterion_of({"objective": OBJECTIVES}).metric == "validation/nll"
    nodes = {"reconstruction": None, "bottleneck": OBJECTIVES["bottleneck"]}
    with pytest.raises(ValueError, match="no term"):
        criterion_of({"objective": nodes})
