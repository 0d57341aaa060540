"""InfoNCE with values that are known: chance, perfect prediction, and who the negatives are."""

from __future__ import annotations

from math import log
from typing import Any

import pytest
import torch
from torch import nn

from wavenet_ae.alignment import encoder_window
from wavenet_ae.geometry import Chain, Down
from wavenet_ae.objectives import Contrastive
from wavenet_ae.types import Batch, ModelOutput

NUM_CODES, DIM = 12, 16
PLAN = encoder_window(Chain((Down(4, 2),)), NUM_CODES)


def term(num_ahead: int = 3, **settings: Any) -> Contrastive:
    torch.manual_seed(0)
    sizes = {"latent_dim": DIM, "context_dim": DIM, "num_codes": NUM_CODES}
    return Contrastive(**sizes, num_ahead=num_ahead, dim=DIM, **settings)


def batch(speakers: list[int]) -> Batch:
    rows = torch.arange(len(speakers))
    waveform = torch.zeros(len(speakers), PLAN.slice_length, dtype=torch.int16)
    return Batch(waveform, torch.tensor(speakers), rows, torch.zeros_like(rows))


def scored(made: Contrastive, output: ModelOutput, speakers: list[int]) -> dict[str, float]:
    found = made(output, batch(speakers), PLAN, 0)
    return {name: float(value) for name, value in found.metrics.items()}


def random_latents(num_items: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(num_items, DIM, NUM_CODES, generator=generator)


def make_identity(made: Contrastive) -> Contrastive:
    """Compares latents as they are, and predicts each to be as the context is."""
    for each in (made.projection, *made.predictors):
        assert isinstance(each, nn.Linear)
        nn.init.eye_(each.weight)
        if each.bias is not None:
            nn.init.zeros_(each.bias)
    return made


NUM_CANDIDATES = {"utterance": NUM_CODES, "speaker": 2 * NUM_CODES, "all": 4 * NUM_CODES}


@pytest.mark.parametrize("negatives", NUM_CANDIDATES)
def test_chance_is_that_of_guessing_among_all_candidates(negatives):
    """Two of the four windows are of each speaker."""
    metrics = scored(
        term(negatives=negatives), ModelOutput(latents=random_latents(4)), [0, 1, 1, 0]
    )
    assert metrics["contrastive_chance"] == pytest.approx(log(NUM_CANDIDATES[negatives]))


def test_latents_that_are_all_equal_are_at_chance():
    equal = torch.ones(3, DIM, NUM_CODES)
    metrics = scored(term(), ModelOutput(latents=equal), [0, 0, 0])
    assert metrics["contrastive"] == pytest.approx(log(NUM_CODES), abs=1e-5)


def test_independent_latents_are_not_below_chance():
    """A sharp temperature makes wrong predictions confident: worse than guessing."""
    made = term(temperature=1.0)
    metrics = scored(made, ModelOutput(latents=random_latents(200)), [0] * 200)
    assert metrics["contrastive"] == pytest.approx(log(NUM_CODES), abs=0.05)
    assert metrics["contrastive_accuracy"] == pytest.approx(1 / NUM_CODES, abs=0.02)


@pytest.mark.parametrize("negatives", NUM_CANDIDATES)
def test_a_context_that_tells_the_next_latent_has_no_loss(negatives):
    """The context at t is the latent at t + 1, which the first predictor passes on."""
    made = make_identity(term(num_ahead=1, negatives=negatives, temperature=0.01))
    latents = random_latents(4)
    context = torch.roll(latents, -1, dims=2)
    metrics = scored(made, ModelOutput(latents=latents, context=context), [0, 1, 1, 0])
    assert metrics["contrastive"] < 0.01
    assert metrics["contrastive_accuracy"] == 1


def test_each_step_ahead_has_its_own_latent():
    """The context at t is the latent at t + 2: right for two steps ahead, and for no other."""
    made = make_identity(term(num_ahead=3, temperature=0.01))
    latents = random_latents(4)
    context = torch.roll(latents, -2, dims=2)
    scores = made.scores(ModelOutput(latents=latents, context=context), batch([0] * 4), False)
    assert [float(each.correct) / each.count for each in scores] == [0, 1, 0]


def test_negatives_of_the_utterance_depend_on_no_other_window():
    made, latents = term(), random_latents(3)
    whole = made.scores(ModelOutput(latents=latents), batch([0, 0, 0]), False)
    alone = [made.scores(ModelOutput(latents=each[None]), batch([0]), False) for each in latents]
    for ahead, score in enumerate(whole):
        torch.testing.assert_close(score.nats, sum(each[ahead].nats for each in alone))


def test_a_window_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match=r"num_ahead is 12, but a window has 12 latents"):
        term(num_ahead=12)


def test_training_learns_to_predict_a_rotation():
    """Latents turn by a fixed angle a step, which linear predictors can learn."""
    made = term(num_ahead=2)
    generator = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(DIM, DIM, generator=generator))
    start = torch.randn(32, DIM, generator=generator)
    latents = [start]
    for _ in range(NUM_CODES - 1):
        latents.append(latents[-1] @ turn)
    output = ModelOutput(latents=torch.stack(latents, dim=2))
    optimizer = torch.optim.Adam(made.parameters(), 0.01)
    for _ in range(60):
        loss = made(output, batch([0] * 32), PLAN, 0).losses["contrastive"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.3 * log(NUM_CODES)
