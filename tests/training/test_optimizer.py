"""Learning rates: who gets which, and when."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from helpers.configs import small

from wavenet_ae.models import build
from wavenet_ae.training.optimizer import Algorithm, OptimizerConfig


def test_every_parameter_is_in_one_group():
    model = build(small("vqvae"), ["a"])
    settings = OptimizerConfig(
        learning_rate=1e-3, decoder_learning_rate=2e-3, codebook_learning_rate=3e-3
    )
    groups = {group["name"]: group for group in settings.optimizer(model).param_groups}
    rates = {name: group["lr"] for name, group in groups.items()}
    assert rates == {"encoder": 1e-3, "decoder": 2e-3, "codebook": 3e-3}
    assert [id(p) for p in groups["codebook"]["params"]] == [id(model.bottleneck.codebook)]
    grouped = [id(p) for group in groups.values() for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())
    assert {id(p) for p in model.decoder.parameters()} <= {
        id(p) for p in groups["decoder"]["params"]
    }


def test_no_empty_group():
    groups = OptimizerConfig().optimizer(build(small("ae"), ["a"])).param_groups
    assert {group["name"] for group in groups} == {"encoder", "decoder"}


def test_schedule_is_a_function_of_the_step_alone():
    settings = OptimizerConfig(warmup_steps=10, decay_after=100, half_life_steps=50)
    assert settings.factor(0) == pytest.approx(0.1)
    assert settings.factor(4) == pytest.approx(0.5)
    assert settings.factor(50) == settings.factor(100) == 1
    assert settings.factor(150) == pytest.approx(0.5)
    assert settings.factor(200) == pytest.approx(0.25)
    assert OptimizerConfig(warmup_steps=0).factor(10**6) == 1


@pytest.mark.parametrize("algorithm", get_args(Algorithm))
def test_every_algorithm_of_torch_gets_groups_betas_and_decay(algorithm):
    config = OptimizerConfig(beta1=0.8, beta2=0.95, algorithm=algorithm, weight_decay=0.01)
    made = config.optimizer(build(small("vae"), ["ann"]))
    assert type(made) is getattr(torch.optim, algorithm)
    assert {each["betas"] for each in made.param_groups} == {(0.8, 0.95)}
    assert {each["weight_decay"] for each in made.param_groups} == {0.01}
