"""From logits to levels."""

from __future__ import annotations

import pytest
import torch

from wavenet_ae.decoders import Categorical, Sampling

PROBABILITIES = torch.tensor([0.1, 0.4, 0.2, 0.05, 0.25])
MANY = 20_000


def frequencies(sampling: Sampling) -> torch.Tensor:
    """How often each level is drawn by evenly spread numbers."""
    logits = PROBABILITIES.log().expand(MANY, -1)
    uniforms = (torch.arange(MANY) + 0.5) / MANY
    return torch.bincount(Categorical(5).sample(logits, uniforms, sampling), minlength=5) / MANY


def test_levels_are_drawn_as_often_as_they_are_probable():
    assert torch.allclose(frequencies(Sampling()), PROBABILITIES, atol=2e-4)


def test_a_temperature_sharpens_or_flattens():
    for temperature in (0.5, 2.0):
        expected = PROBABILITIES ** (1 / temperature)
        drawn = frequencies(Sampling(temperature=temperature))
        assert torch.allclose(drawn, expected / expected.sum(), atol=2e-4)


def test_no_temperature_takes_the_most_probable():
    assert frequencies(Sampling(temperature=0)).tolist() == [0, 1, 0, 0, 0]


def test_top_k_leaves_the_most_probable():
    expected = torch.tensor([0, 0.4, 0, 0, 0.25]) / 0.65
    assert torch.allclose(frequencies(Sampling(top_k=2)), expected, atol=2e-4)
    assert torch.allclose(frequencies(Sampling(top_k=5)), PROBABILITIES, atol=2e-4)


def test_top_p_leaves_the_fewest_that_are_probable_enough():
    """.4 and .25 are not enough for .7, .4 and .25 and .2 are."""
    expected = torch.tensor([0, 0.4, 0.2, 0, 0.25]) / 0.85
    assert torch.allclose(frequencies(Sampling(top_p=0.7)), expected, atol=2e-4)
    assert frequencies(Sampling(top_p=1e-6)).tolist() == [0, 1, 0, 0, 0], "one always stays"


def test_the_ends_of_the_unit_interval_are_levels():
    logits = torch.full((2, 256), -30.0)
    logits[:, [3, 200]] = 0
    drawn = Categorical(logits.shape[1]).sample(logits, torch.tensor([0.0, 1 - 2**-24]), Sampling())
    assert drawn.tolist()[0] <= 3 and drawn.tolist()[1] in range(200, 256)
    impossible = torch.full((1, 4), -torch.inf)
    impossible[0, 2] = 0
    assert Categorical(3).sample(impossible, torch.tensor([0.0]), Sampling()).item() == 2


@pytest.mark.parametrize(
    "wrong", [dict(temperature=-1), dict(temperature=float("nan")), dict(top_k=-1), dict(top_p=0)]
)
def test_settings_out_of_range_are_refused(wrong):
    (key,) = wrong
    with pytest.raises(ValueError, match=f"{key} is"):
        Sampling(**wrong)
