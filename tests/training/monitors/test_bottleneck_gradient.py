"""The gradient that reaches the encoder, against automatic differentiation by name."""

from __future__ import annotations

import pytest
import torch
from helpers.configs import BOTTLENECKS
from helpers.watched import in_training, noise, observed, trainer

from wavenet_ae.training.monitors import BottleneckGradient

KEY = "encoder/gradient_norm_at_bottleneck"


def expected(module, batch) -> torch.Tensor:
    """Norm of d loss / d encoder's output, which enters the bottleneck as a leaf."""
    model = module.model
    with torch.no_grad():
        latents = model.latents(batch.waveform, module.plan)
    latents.requires_grad_()
    bottleneck = model.bottleneck(latents)
    windows = (batch.waveform, batch.speaker, module.plan)
    output = model.predict(bottleneck, bottleneck.vectors, *windows)
    total = module.objective(output, module.plan, 0).total
    return torch.autograd.grad(total, latents)[0].norm()


@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_it_is_the_gradient_of_the_loss(bottleneck):
    module, run, monitor = in_training(bottleneck).eval(), trainer(), BottleneckGradient()
    batch = noise(module)
    hooks_before = len(module.bottleneck._forward_pre_hooks)
    monitor.on_train_batch_start(run, module, batch, 0)
    seen = observed(module, batch)
    seen.loss.total.backward()
    figures = monitor.measure(module, seen, batch)
    torch.testing.assert_close(figures, {KEY: expected(module, batch)})
    assert figures[KEY] > 0
    monitor.on_train_batch_end(run, module, {"observed": seen}, batch, 0)
    assert len(module.bottleneck._forward_pre_hooks) == hooks_before == 0
    assert monitor.measure(module, seen, batch) == {}, "not told twice"


def test_only_steps_that_are_logged_are_followed():
    module, monitor = in_training("ae"), BottleneckGradient()
    batch = noise(module)
    monitor.on_train_batch_start(trainer(log_every_n_steps=2), module, batch, 0)
    assert not module.bottleneck._forward_pre_hooks
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
