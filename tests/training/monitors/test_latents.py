"""The histogram of latents, and active units and KL of Gaussians that are known."""

from __future__ import annotations

from math import e, log

import pytest
import torch
from helpers.watched import in_training, latest, noise, observed, trainer
from torch.distributions import Normal, kl_divergence

from wavenet_ae.runs import RunFolder
from wavenet_ae.training.logging import HistogramLog
from wavenet_ae.training.monitors import LatentMonitor, PosteriorMonitor
from wavenet_ae.training.monitors.latents import active_units, kl_per_dimension
from wavenet_ae.types import BottleneckOutput


def test_first_batch_alone(tmp_path):
    log, module = HistogramLog(RunFolder(tmp_path).histograms), in_training()
    run, monitor = trainer(logger=[log]), LatentMonitor()
    vectors = torch.zeros(1, 1, 4)
    monitor.on_validation_batch_end(run, module, {"streams": {}}, None, 0)
    without = {"streams": {"codes": BottleneckOutput(vectors)}}
    monitor.on_validation_batch_end(run, module, without, None, 0)
    assert not latest(log)
    for index, scale in enumerate((1.0, 100.0)):
        latents = scale * torch.tensor([[[-1.0, 0.0, 0.0, 3.0]]])
        given = {"streams": {"codes": BottleneckOutput(vectors, latents=latents)}}
        monitor.on_validation_batch_end(run, module, given, None, index)
    histogram = latest(log)["bottleneck/latents"]
    assert (histogram.low, histogram.high) == (-1, 3)
    assert sum(histogram.counts) == 4 and histogram.counts[16] == 2


def posterior(means: list[float], variances: list[float], size: int = 2) -> BottleneckOutput:
    """The same Gaussian for each of (size, D, 5)."""
    mean, variance = (
        torch.tensor(each)[:, None].expand(size, -1, 5) for each in (means, variances)
    )
    kl = torch.zeros(size, 5)
    return BottleneckOutput(mean, losses={"kl": kl}, latents=mean, log_variance=variance.log())


def test_dimensions_that_do_not_vary_are_dead():
    spread = torch.tensor([0.0, 0.005, 0.02, 1.0]).sqrt()
    noise = torch.randn(20_000, 4, generator=torch.Generator().manual_seed(0))
    shifted = noise * spread + torch.tensor([9.0, -5.0, 3.0, 0.0])  # their means do not matter
    assert active_units(shifted) == 2
    assert active_units(shifted.bfloat16()[:, 3:]) == 1


def test_kl_of_known_gaussians():
    output = posterior([0.0, 2.0, 0.0, -1.0], [1.0, 1.0, e, 0.25])
    by_hand = [0, 2, (e - 2) / 2, (1 + 0.25 - 1 + log(4)) / 2]
    assert kl_per_dimension(output).tolist() == pytest.approx(by_hand, abs=1e-6)
    of_torch = kl_divergence(Normal(-1.0, 0.5), Normal(0.0, 1.0))
    assert float(kl_per_dimension(output)[3]) == pytest.approx(float(of_torch))


def test_metrics_of_a_batch():
    module = in_training("vae")
    batch = noise(module)
    seen = observed(module, batch)
    metrics = PosteriorMonitor().measure(module, seen, batch)
    kl = seen.output.streams["codes"].losses["kl"].mean()
    torch.testing.assert_close(metrics["vae/kl_per_code"], kl)
    means = seen.output.streams["codes"].latents.transpose(1, 2).reshape(-1, 6)
    assert metrics["vae/active_units"] == float(active_units(means))


@pytest.mark.parametrize("bottleneck", ["identity", "ae", "vqvae_ema"])
def test_without_a_posterior_there_is_nothing(bottleneck, tmp_path):
    module = in_training(bottleneck)
    batch, histograms = noise(module), HistogramLog(RunFolder(tmp_path).histograms)
    seen = observed(module, batch)
    assert PosteriorMonitor().measure(module, seen, batch) == {}
    validate(PosteriorMonitor(), module, histograms, seen.output.streams["codes"])
    assert not latest(histograms)


def validate(monitor, module, histograms, *outputs: BottleneckOutput) -> None:
    run = trainer(logger=[histograms])
    monitor.on_validation_start(run, module)
    for index, output in enumerate(outputs):
        monitor.on_validation_batch_end(run, module, {"streams": {"codes": output}}, None, index)
    monitor.on_validation_end(run, module)


def test_a_validation_logs_the_mean_over_its_items(tmp_path):
    """Batches may differ in size, as the last does; each validation starts from zero."""
    log, monitor, module = (
        HistogramLog(tmp_path / "h.jsonl"),
        PosteriorMonitor(),
        in_training("vae"),
    )
    ones, dead = [1.0] * 6, [0.0] * 6
    few = posterior([2.0, *[0.0] * 5], ones, size=1)
    validate(monitor, module, log, posterior(dead, ones, size=3), few)
    assert latest(log)["vae/kl_per_dimension"].counts == pytest.approx([2 / 4, 0, 0, 0, 0, 0])
    validate(monitor, module, log, few)
    assert latest(log)["vae/kl_per_dimension"].counts == pytest.approx([2, 0, 0, 0, 0, 0])
