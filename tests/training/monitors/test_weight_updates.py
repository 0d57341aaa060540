"""How far plain gradient descent moves weights is known."""

from __future__ import annotations

import pytest
import torch
from helpers.watched import in_training, noise, trainer

from wavenet_ae.training.monitors import WeightUpdates
from wavenet_ae.training.monitors.weight_updates import change, weights

RATES = {"encoder": 0.25, "decoder": 0.5, "codebook": 0.125}
PARTS = {"encoder": 0.25, "bottleneck": 0.25, "upsampling": 0.5, "decoder": 0.5}


def descent(module) -> torch.optim.SGD:
    """Plain gradient descent in the run's own groups, at RATES."""
    groups = module.optimization.optimizer(module.model).param_groups
    return torch.optim.SGD(
        [
            {"params": each["params"], "name": each["name"], "lr": RATES[each["name"]]}
            for each in groups
        ]
    )


@pytest.mark.parametrize("share", [1.0, -0.5])
def test_weights_whose_gradient_is_themselves_move_by_the_learning_rate(share):
    module, monitor = in_training("ae"), WeightUpdates()
    optimizer = descent(module)
    for parameter in module.parameters():
        parameter.grad = share * parameter.detach().clone()
    monitor.on_before_optimizer_step(trainer(), module, optimizer)
    optimizer.step()
    figures = monitor.measure(module, None, noise(module))
    expected = {f"updates/{part}": abs(share) * rate for part, rate in PARTS.items()}
    assert figures.keys() == {*expected, "learning_rate/encoder", "learning_rate/decoder"}
    measured = {name: float(figures[name]) for name in expected}
    assert measured == pytest.approx(expected, rel=1e-5)
    assert not monitor.before, "no copy of the weights is kept"


def test_learning_rates_are_those_of_the_step_not_of_the_next():
    module, monitor = in_training("vqvae"), WeightUpdates()
    optimizer = descent(module)
    monitor.on_before_optimizer_step(trainer(), module, optimizer)
    for group in optimizer.param_groups:
        group["lr"] *= 2  # as a schedule does before figures are asked for
    figures = monitor.measure(module, None, noise(module))
    rates = {name: rate for name, rate in figures.items() if name.startswith("learning_rate/")}
    assert rates == {f"learning_rate/{name}": rate for name, rate in RATES.items()}


def test_steps_that_are_not_logged_copy_nothing():
    module, monitor = in_training("ae"), WeightUpdates()
    run = trainer(log_every_n_steps=2)
    monitor.on_before_optimizer_step(run, module, descent(module))
    assert not monitor.before and not monitor.learning_rates


def test_change_by_hand():
    before = [torch.tensor([3.0]), torch.tensor([[0.0, 4.0]])]  # of norm 5
    after = [torch.tensor([3.0]), torch.tensor([[0.0, 4.5]])]
    assert float(change(before, after)) == pytest.approx(0.1)


def test_frozen_and_empty_parts_are_left_out():
    module = in_training("identity", "identity")
    assert weights(module.model).keys() == {"upsampling", "decoder"}
    module.model.upsampling.requires_grad_(False)
    assert weights(module.model).keys() == {"decoder"}
