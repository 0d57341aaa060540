"""Objectives against their definitions."""

from __future__ import annotations

import math

import pytest
import torch
from helpers.configs import small
from helpers.objectives import batch_of, categorical_output, reconstruction

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.models import build
from wavenet_ae.objectives import BottleneckLosses
from wavenet_ae.objectives.reconstruction import code_weights
from wavenet_ae.types import BottleneckOutput, ModelOutput


@pytest.fixture(scope="module")
def alignment():
    return build(small(), ["a"]).alignment


@pytest.fixture(scope="module")
def plan(alignment) -> WindowPlan:
    return alignment.window(800)


def output(plan: WindowPlan, **losses: torch.Tensor) -> ModelOutput:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 16, plan.num_targets, generator=generator)
    targets = torch.randint(16, (2, plan.num_targets), generator=generator)
    return categorical_output(
        logits, targets, BottleneckOutput(torch.zeros(2, 1, 1), losses=losses)
    )


def test_nll_by_hand(plan):
    out = output(plan)
    probabilities = out.parameters.softmax(dim=1)
    true = probabilities.gather(1, out.targets[:, None])[:, 0]
    torch.testing.assert_close(out.nll, -true.log())
    uniform = categorical_output(
        torch.zeros_like(out.parameters), out.targets, out.streams["codes"]
    )
    assert uniform.nll.mean().item() == pytest.approx(math.log(16))


def test_sequence_weights_pay_every_code_once(alignment):
    """Windows that tile an utterance: the weights of a code add up to 1 / (its samples)."""
    hop, width = int(alignment.code_hop), 800
    plan = alignment.window(width)
    paid = torch.zeros(200)
    for window in range(30):
        first = window * width // hop
        paid[first : first + plan.num_codes] += code_weights(plan, "sequence") * width
    interior = paid[plan.num_codes : 30 * width // hop - plan.num_codes]
    torch.testing.assert_close(interior, torch.ones_like(interior))


def test_mean_and_context_weights(plan):
    assert code_weights(plan, "mean").sum().item() == pytest.approx(1)
    context = code_weights(plan, "context")
    torch.testing.assert_close(context, code_weights(plan, "sequence") * plan.full_usage)
    with pytest.raises(ValueError, match="sequence, mean, context"):
        code_weights(plan, "average")


def test_codes_of_a_finer_stream_weigh_as_the_one_of_their_hop(plan):
    fine = 3 * plan.num_codes
    sequence = code_weights(plan, "sequence")
    finer = code_weights(plan, "sequence", fine).reshape(plan.num_codes, 3)
    torch.testing.assert_close(finer, sequence[:, None].expand(-1, 3))
    assert code_weights(plan, "mean", fine).sum().item() == pytest.approx(1)


def test_the_losses_of_all_streams_add_up(plan):
    top, bottom = torch.rand(2, plan.num_codes), torch.rand(2, 2 * plan.num_codes)
    streams = {
        name: BottleneckOutput(torch.zeros(1), losses={"commitment": loss})
        for name, loss in {"top": top, "bottom": bottom}.items()
    }
    out = ModelOutput(streams=streams)
    found = BottleneckLosses(commitment_weight=0.5)(out, batch_of(plan), plan, 0)
    assert found.losses.keys() == {"commitment/top", "commitment/bottom"}
    for name, loss in {"top": top, "bottom": bottom}.items():
        weights = code_weights(plan, "mean", loss.shape[1])
        expected = 0.5 * (loss.mean(dim=0) * weights).sum()
        torch.testing.assert_close(found.losses[f"commitment/{name}"], expected)
        torch.testing.assert_close(found.metrics[f"commitment_term/{name}"], expected)


def test_total_is_nll_plus_weighted_terms(plan):
    commitment = torch.rand(2, plan.num_codes)
    objective = reconstruction("mean", commitment_weight=0.25)
    out = output(plan, commitment=commitment, surprise=torch.tensor(0.0))
    with pytest.raises(KeyError, match="surprise"):
        objective(out, batch_of(plan), plan, step=0)
    out = output(plan, commitment=commitment)
    loss = objective(out, batch_of(plan), plan, step=0)
    expected = 0.25 * (commitment.mean(dim=0) * code_weights(plan, "mean")).sum()
    torch.testing.assert_close(loss.total - loss.losses["nll"], expected)
    assert "negative_elbo" not in loss.metrics


def test_a_scalar_term_is_weighed_as_it_is(plan):
    out = output(plan, entropy=torch.tensor(-3.0))
    loss = reconstruction("context", entropy_weight=0.5)(out, batch_of(plan), plan, step=0)
    assert (loss.total - loss.losses["nll"]).item() == pytest.approx(-1.5)


def test_kl_is_annealed_and_clamped_per_code_but_reported_whole(plan):
    kl = torch.full((2, plan.num_codes), 0.5)
    kl[:, 0] = torch.tensor([4.0, 2.0])
    objective = reconstruction("sequence", kl_anneal_steps=100, free_nats=1.0)
    weights = code_weights(plan, "sequence")
    clamped = torch.full((plan.num_codes,), 1.0)
    clamped[0] = 3.0
    for step, share in ((0, 0.0), (50, 0.5), (100, 1.0), (500, 1.0)):
        loss = objective(output(plan, kl=kl), batch_of(plan), plan, step)
        torch.testing.assert_close(loss.losses["kl"], share * (weights * clamped).sum())
        torch.testing.assert_close(
            loss.metrics["negative_elbo"] - loss.losses["nll"], (weights * kl.mean(dim=0)).sum()
        )


def test_free_nats_stop_the_gradient(plan):
    kl = torch.full((2, plan.num_codes), 0.5, requires_grad=True)
    objective = reconstruction("sequence", free_nats=1.0)
    objective(output(plan, kl=kl), batch_of(plan), plan, 0).total.backward()
    assert kl.grad.abs().sum() == 0


def test_several_samples_per_datapoint_are_averaged(plan):
    out = output(plan)
    doubled = categorical_output(
        out.parameters.repeat_interleave(2, 0),
        out.targets.repeat_interleave(2, 0),
        out.streams["codes"],
    )
    objective = reconstruction("mean")
    batch = batch_of(plan)
    torch.testing.assert_close(
        objective(doubled, batch, plan, 0).total, objective(out, batch, plan, 0).total
    )


def test_configured_weighting_wins():
    usual = {"top": "sequence"}
    assert BottleneckLosses(usual).weighting_of("top") == "sequence"
    assert BottleneckLosses(usual).weighting_of("bottom") == "mean"
    assert BottleneckLosses(usual, code_weighting="context").weighting_of("top") == "context"
