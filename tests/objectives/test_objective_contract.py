"""What every term of an objective promises.  A new member is one line in configs.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.configs import BOTTLENECKS, OBJECTIVES, small
from helpers.objectives import batch_of

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import instantiate
from wavenet_ae.models import build
from wavenet_ae.objectives import (
    ClusterTargets,
    Criterion,
    Objective,
    ObjectiveTerm,
    TermOutput,
    criterion_of,
)
from wavenet_ae.types import Batch, ModelOutput

HOPS = 4
UTTERANCES = ["a", "b"]


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> dict[str, Any]:
    """What a run tells the terms of its model and its data."""
    path = tmp_path_factory.mktemp("clusters") / "targets.npz"
    codes = np.arange(200) % 5
    ClusterTargets(
        *("corpus", 8000, 160, 80.0, "test", UTTERANCES),
        *(np.array([100, 100]), codes, np.zeros((5, 2))),
    ).save(path)
    model = build(small("identity"), ["a"])
    return {
        "targets": str(path),
        "latent_dim": model.encoder.dim,
        "context_dim": model.context_dim,
        "num_codes": model.window(HOPS * int(model.hop)).num_codes,
        "first_code": float(model.window_chain.grid().anchor(0)),
        "code_hop": float(model.hop),
        "utterances": UTTERANCES,
        "fingerprint": "corpus",
    }


def made(name: str, known: dict[str, Any]) -> ObjectiveTerm:
    torch.manual_seed(0)
    return instantiate(OBJECTIVES[name], ObjectiveTerm, **known)


@pytest.fixture(params=sorted(OBJECTIVES))
def term(request, known) -> ObjectiveTerm:
    return made(request.param, known)


def output_of(bottleneck: str) -> tuple[ModelOutput, Batch, WindowPlan]:
    torch.manual_seed(0)
    model = build(small(bottleneck), ["a"])
    plan = model.window(HOPS * int(model.hop))
    batch = batch_of(plan)
    return model(batch.waveform, batch.speaker, plan), batch, plan


@pytest.mark.parametrize("bottleneck", sorted(BOTTLENECKS))
def test_losses_and_metrics_are_finite_scalars(term, bottleneck):
    output, batch, plan = output_of(bottleneck)
    found = term(output, batch, plan, 1000)
    for name, value in {**found.losses, **found.metrics}.items():
        assert value.ndim == 0 and value.isfinite(), name


def test_a_gradient_reaches_the_encoder_and_all_weights_of_the_term(term):
    torch.manual_seed(0)
    model = build(small("ae"), ["a"])
    plan = model.window(HOPS * int(model.hop))
    batch = batch_of(plan)
    output = model(batch.waveform, batch.speaker, plan)
    losses = term(output, batch, plan, 1000).losses.values()
    torch.stack([*losses]).sum().backward()
    weights = [*model.encoder.parameters(), *term.parameters()]
    assert all(each.grad is not None and each.grad.isfinite().all() for each in weights)
    assert any(each.grad.any() for each in model.encoder.parameters()) or not any(losses)


def test_a_validation_reports_sums_and_numbers_that_the_criterion_is_among(term):
    output, batch, plan = output_of("identity")
    with torch.no_grad():
        sums = term.validate(output, batch, plan)
    assert all(each.shape == (2,) and each[1] > 0 for each in sums.values())
    if term.criterion is not None and term.needs != "nll":  # the NLL is every decoder's
        assert term.criterion.metric.removeprefix("validation/") in sums


def test_a_criterion_names_a_metric_of_validation(term):
    criterion = type(term).criterion
    if criterion is not None:
        assert criterion.metric.startswith("validation/")
        assert criterion.is_better(1.0, 2.0) == (criterion.direction == "minimize")
        assert not criterion.is_better(float("nan"), 0.0)


def test_an_objective_is_the_sum_of_its_terms(known):
    output, batch, plan = output_of("vqvae")
    terms = {name: made(name, known) for name in OBJECTIVES}
    loss = Objective(terms)(output, batch, plan, 1000)
    alone = [term(output, batch, plan, 1000).losses for term in terms.values()]
    assert loss.losses.keys() == {name for each in alone for name in each}
    torch.testing.assert_close(loss.total, sum(value for each in alone for value in each.values()))


class Loudness(ObjectiveTerm):
    def forward(self, output, batch, plan, step) -> TermOutput:
        level = batch.waveform.float().mean().requires_grad_()
        return TermOutput({"loudness": level}, {"level": level.detach()})


def test_a_new_term_adds_its_loss_and_metric(known):
    output, batch, plan = output_of("ae")
    usual = {name: made(name, known) for name in ("reconstruction", "bottleneck")}
    without = Objective(usual)(output, batch, plan, 0)
    loss = Objective({**usual, "x": Loudness(weight=2.0)})(output, batch, plan, 0)
    torch.testing.assert_close(loss.total - without.total, 2 * loss.metrics["level"])


@pytest.mark.parametrize(
    ("step", "scale"), [(0, 0.0), (9, 0.0), (10, 0.0), (15, 1.5), (20, 3.0), (99, 3.0)]
)
def test_the_weight_of_a_term_starts_and_rises(step, scale):
    assert Loudness(weight=3.0, start_step=10, ramp_steps=10).scale(step) == scale


def test_the_weight_of_a_term_scales_its_losses_and_not_its_metrics():
    output, batch, plan = output_of("ae")
    term = Loudness(weight=0.25)
    term.criterion = Criterion("validation/loudness", "minimize", "", "loudness")
    loss = Objective({"x": term})(output, batch, plan, 0)
    torch.testing.assert_close(loss.total, 0.25 * loss.metrics["level"])


def test_the_first_criterion_counts_and_one_is_needed(known):
    class Accuracy(ObjectiveTerm):
        criterion = Criterion("validation/accuracy", "maximize", "", "accuracy")

    usual = {name: made(name, known) for name in ("reconstruction", "bottleneck")}
    assert Objective(usual).criterion.metric == "validation/nll"
    assert Objective({"a": Accuracy(), **usual}).criterion.direction == "maximize"
    with pytest.raises(ValueError, match=r"choose objective=reconstruction"):
        Objective({"bottleneck": usual["bottleneck"]})


def test_two_losses_of_one_name_are_refused(known):
    output, batch, plan = output_of("ae")
    nll = made("reconstruction", known)
    with pytest.raises(ValueError, match=r"objective\.again returns a second loss 'nll'"):
        Objective({"reconstruction": nll, "again": nll})(output, batch, plan, 0)


def test_the_criterion_of_a_configuration():
    nodes = {name: OBJECTIVES[name] for name in ("bottleneck", "reconstruction", "contrastive")}
    assert criterion_of({"objective": nodes}).metric == "validation/nll"
    alone = {"reconstruction": None, "contrastive": OBJECTIVES["contrastive"]}
    assert criterion_of({"objective": alone}).metric == "validation/contrastive"
    with pytest.raises(ValueError, match="no term"):
        criterion_of({"objective": {"bottleneck": OBJECTIVES["bottleneck"]}})


def test_targets_of_another_corpus_are_refused(known):
    assert Path(known["targets"]).is_file()
    with pytest.raises(UserError, match="of another corpus"):
        made("masked_prediction", {**known, "fingerprint": "another"})
