"""Dead channels, the gradient at the bottleneck and the size of updates, where each is known."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers.configs import BOTTLENECKS
from helpers.watched import in_training, noise, observed, trainer
from torch import nn

from wavenet_ae.training.monitors import BottleneckGradient, DeadUnits, WeightUpdates
from wavenet_ae.training.monitors.learning import active_channels, change, weights

KILLED = {0: [3], 1: [0, 5, 11]}  # channels by layer
KEY = "encoder/gradient_norm_at_bottleneck"
RATES = {"encoder": 0.25, "decoder": 0.5, "codebook": 0.125}
PARTS = {"encoder": 0.25, "bottleneck": 0.25, "upsampling": 0.5, "decoder": 0.5}


@torch.no_grad()
def kill(encoder: nn.Module) -> None:
    """Kills these, and keeps all others active whatever their input is."""
    for layer, block in enumerate(encoder.blocks):
        last = block.convolution if isinstance(block.norm, nn.Identity) else block.norm
        last.bias.fill_(10.0 ** (3 + layer))
        last.bias[KILLED.get(layer, [])] = -1e6


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
@pytest.mark.parametrize("encoder", ["mfcc", "mel", "waveform"])
def test_exactly_the_killed_channels_are_dead(encoder, norm):
    module = in_training("ae", encoder, encoder={"norm": norm})
    kill(module.model.encoder)
    batch = noise(module)
    waveform = module.model.normalize(batch.waveform[:, module.plan.encoder_input])
    active = active_channels(module.model.encoder, waveform)
    assert len(active) == len(module.model.encoder.blocks)
    for layer, alive in enumerate(active):
        assert (~alive).nonzero().flatten().tolist() == KILLED.get(layer, []), layer
    metrics = DeadUnits().measure(module, observed(module, batch), batch)
    shares = {f"encoder/dead_units/layer_{i}": 0.0 for i in range(1, len(active) + 1)}
    shares |= {f"encoder/dead_units/layer_{i + 1}": len(c) / 12 for i, c in KILLED.items()}
    assert {name: float(share) for name, share in metrics.items()} == pytest.approx(shares)


def test_a_channel_that_fires_once_is_alive():
    module = in_training("ae", "waveform", encoder={"norm": "none"})
    (first, *_), length = module.model.encoder.blocks, 200
    with torch.no_grad():
        first.convolution.weight[0] = 1.0
        first.convolution.bias[0] = -3.9
    waveform = torch.zeros(2, length)
    assert not active_channels(module.model.encoder, waveform)[0][0]
    waveform[1, 100:104] = 1.0  # 4 - 3.9 > 0, at a single place of one item
    assert active_channels(module.model.encoder, waveform)[0][0]


@pytest.mark.parametrize("is_training", [True, False])
def test_the_encoder_stays_as_it_was(is_training):
    module = in_training("ae").train(is_training)
    encoder, batch = module.model.encoder, noise(module)
    before = copy.deepcopy(encoder.state_dict())
    seen = observed(module, batch) if not is_training else None
    DeadUnits().measure(module, seen, batch)
    after = encoder.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(each.training == is_training for each in encoder.modules())
    assert not any(each._forward_hooks for each in encoder.modules())


def test_an_encoder_without_rectifiers_has_no_metrics():
    module = in_training("ae", "identity")
    batch = noise(module)
    assert DeadUnits().measure(module, observed(module, batch), batch) == {}


def expected(module, batch) -> torch.Tensor:
    """Norm of d loss / d encoder's output, which enters the bottleneck as a leaf."""
    model = module.model
    with torch.no_grad():
        latents = model.latents(batch.waveform, module.plan)
    latents.requires_grad_()
    bottleneck = model.bottleneck(latents)
    windows = (batch.waveform, batch.speaker, module.plan)
    output = model.predict({"codes": bottleneck}, {"codes": bottleneck.vectors}, *windows)
    total = module.objective(output, batch, module.plan, 0).total
    return torch.autograd.grad(total, latents)[0].norm()


@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_it_is_the_gradient_of_the_loss(bottleneck):
    module, run, monitor = in_training(bottleneck).eval(), trainer(), BottleneckGradient()
    batch = noise(module)
    hooks_before = len(module.model.bottleneck._forward_pre_hooks)
    monitor.on_train_batch_start(run, module, batch, 0)
    seen = observed(module, batch)
    seen.loss.total.backward()
    metrics = monitor.measure(module, seen, batch)
    torch.testing.assert_close(metrics, {KEY: expected(module, batch)})
    assert metrics[KEY] > 0
    monitor.on_train_batch_end(run, module, {"observed": seen}, batch, 0)
    assert len(module.model.bottleneck._forward_pre_hooks) == hooks_before == 0
    assert monitor.measure(module, seen, batch) == {}, "logged once"


def test_only_steps_that_are_logged_are_followed():
    module, monitor = in_training("ae"), BottleneckGradient()
    batch = noise(module)
    monitor.on_train_batch_start(trainer(log_every_n_steps=2), module, batch, 0)
    assert not module.model.bottleneck._forward_pre_hooks
    seen = observed(module, batch)
    seen.loss.total.backward()
    assert monitor.measure(module, seen, batch) == {}


def test_features_alone_have_no_gradient():
    module, run, monitor = in_training("identity", "identity"), trainer(), BottleneckGradient()
    batch = noise(module)
    monitor.on_train_batch_start(run, module, batch, 0)
    seen = observed(module, batch)
    seen.loss.total.backward()
    assert monitor.measure(module, seen, batch) == {}


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
    metrics = monitor.measure(module, None, noise(module))
    expected = {f"updates/{part}": abs(share) * rate for part, rate in PARTS.items()}
    assert metrics.keys() == {*expected, "learning_rate/encoder", "learning_rate/decoder"}
    measured = {name: float(metrics[name]) for name in expected}
    assert measured == pytest.approx(expected, rel=1e-5)
    assert not monitor.before, "no copy of the weights is kept"


def test_learning_rates_are_those_of_the_step_not_of_the_next():
    module, monitor = in_training("vqvae"), WeightUpdates()
    optimizer = descent(module)
    monitor.on_before_optimizer_step(trainer(), module, optimizer)
    for group in optimizer.param_groups:
        group["lr"] *= 2  # as a schedule does before metrics are measured
    metrics = monitor.measure(module, None, noise(module))
    rates = {name: rate for name, rate in metrics.items() if name.startswith("learning_rate/")}
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
