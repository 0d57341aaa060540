"""Masked prediction whose clusters are the codes of the model's own bottleneck."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers.configs import BOTTLENECKS
from helpers.objectives import batch_of

from wavenet_ae.alignment import WindowPlan, encoder_window
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.errors import UserError
from wavenet_ae.geometry import Chain, Down
from wavenet_ae.instantiate import instantiate
from wavenet_ae.objectives import ClusterTargets, MaskedPrediction
from wavenet_ae.types import Batch, ModelOutput

NUM_CLUSTERS, NUM_CODES, CHANNELS = 6, 9, 8
CODEBOOK: dict[str, Any] = {
    **BOTTLENECKS["vqvae"],
    **{"dim": 4, "codebook_size": NUM_CLUSTERS, "init": "uniform"},
    **{"start_after": 0, "revive_after": 0, "normalize": False},
}


@pytest.fixture(scope="module")
def targets(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("clusters") / "targets.npz"
    codes = np.random.default_rng(0).integers(NUM_CLUSTERS, size=100)
    centers = np.zeros((NUM_CLUSTERS, 1), np.float32)
    of_corpus = ("corpus", 8000, 4, 1.5, "test", ["one", "two"])
    ClusterTargets(*of_corpus, np.array([50, 50]), codes, centers).save(path)
    return str(path)


def bottleneck_of(**changes: Any) -> Bottleneck:
    torch.manual_seed(0)
    return instantiate({**CODEBOOK, **changes}, Bottleneck, input_dim=CHANNELS)


def term_of(targets: str, *bottlenecks: Bottleneck, **settings: Any) -> MaskedPrediction:
    names = ["codes"] if len(bottlenecks) == 1 else ["top", "bottom"]
    known = {"first_code": 1.5, "code_hop": 4.0, "utterances": ["one", "two"]}
    return MaskedPrediction(
        targets,
        CHANNELS,
        **known,
        fingerprint="corpus",
        bottlenecks=dict(zip(names, bottlenecks, strict=False)),
        head="bottleneck",
        **settings,
    )


def read(bottleneck: Bottleneck) -> tuple[ModelOutput, Batch, WindowPlan]:
    torch.manual_seed(1)
    plan = encoder_window(Chain((Down(4, 4),)), NUM_CODES)
    latents = torch.randn(2, CHANNELS, NUM_CODES, requires_grad=True)
    streams = {"codes": bottleneck(latents)}
    return ModelOutput(latents=latents, streams=streams), batch_of(plan), plan


@pytest.mark.parametrize(("distance", "temperature"), [("euclidean", 1.0), ("cosine", 0.1)])
def test_the_likeliest_cluster_is_the_code(targets, distance, temperature):
    bottleneck = bottleneck_of(distance=distance)
    term = term_of(targets, bottleneck, temperature=temperature)
    output, batch, plan = read(bottleneck)
    found = term.validate(output, batch, plan)["masked_prediction_accuracy"]
    codes = output.streams["codes"].codes
    expected = (codes == term.clusters(batch, plan)).float().mean()
    assert 0 < expected < 1
    assert found[0] / found[1] == expected


def test_the_loss_is_the_cross_entropy_of_the_distances(targets):
    bottleneck = bottleneck_of()
    term = term_of(targets, bottleneck, temperature=0.5)
    output, batch, plan = read(bottleneck)
    z = output.streams["codes"].latents.transpose(1, 2)  # (B, N, D)
    squares = (z[:, :, None] - bottleneck.codebook).square().sum(dim=-1)  # (B, N, K)
    share = torch.softmax(-squares / (2 * 0.5), dim=-1)
    picked = share.gather(-1, term.clusters(batch, plan)[..., None])
    loss = term(output, batch, plan, 0).losses["masked_prediction"]
    torch.testing.assert_close(loss, -picked.log().mean())


def test_codes_and_encoder_learn_and_the_term_has_no_weights_of_its_own(targets):
    bottleneck = bottleneck_of()
    term = term_of(targets, bottleneck)
    output, batch, plan = read(bottleneck)
    term(output, batch, plan, 0).losses["masked_prediction"].backward()
    for weight in (bottleneck.codebook, bottleneck.project.linear.weight, output.latents):
        assert weight.grad is not None and weight.grad.abs().sum() > 0
    assert not term.state_dict() and not [*term.parameters()]


@pytest.mark.parametrize(
    ("bottleneck", "problem"),
    [
        ({"codebook_size": 5}, "the targets have 6 clusters: set bottleneck.codebook_size=6"),
        ({"start_after": 9}, "first set at step 9: set bottleneck.start_after=0"),
        (BOTTLENECKS["vqvae_ema"], "no gradient moves the codes of the bottleneck VQVAEEMA"),
        (BOTTLENECKS["fsq"], "no gradient moves the codes of the bottleneck FSQ"),
        (BOTTLENECKS["rvq"], "RVQ does not have one codebook: set bottleneck=vqvae"),
        (BOTTLENECKS["ae"], "AE does not have one codebook"),
        (None, "the model has no bottleneck"),
    ],
)
def test_a_bottleneck_that_cannot_learn_them_is_refused(targets, bottleneck, problem):
    made = []
    if bottleneck is not None:
        node = bottleneck if "_target_" in bottleneck else {**CODEBOOK, **bottleneck}
        made = [instantiate(node, Bottleneck, input_dim=CHANNELS)]
    with pytest.raises(UserError, match=f"head is 'bottleneck', but .*{problem}"):
        term_of(targets, *made)


def test_codes_of_several_streams_are_refused(targets):
    problem = "has the streams of codes top, bottom, and targets are one sequence"
    with pytest.raises(UserError, match=problem):
        term_of(targets, bottleneck_of(), bottleneck_of())
