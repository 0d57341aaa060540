"""The scales of latents and codebook, and what a validation says of the codes."""

from __future__ import annotations

import pytest
import torch
from helpers.watched import in_training, latest, noise, observed, quantized, trainer

from wavenet_ae.runs import RunFolder
from wavenet_ae.training.logging import HistogramLog
from wavenet_ae.training.monitors import CodebookMonitor
from wavenet_ae.training.monitors.codebook import most_used, scales
from wavenet_ae.training.validation import ValidationSums


def test_scales_by_hand():
    latents = torch.tensor([[3.0, 4.0], [0.0, -1.0]])  # norms 5 and 1
    codebook = torch.tensor([[0.0, 2.0], [0.0, 2.0], [-2.0, 0.0]])
    expected = {"latent_norm": 3, "latent_min": -1, "latent_max": 4}
    assert scales(latents, None) == expected
    of_codes = {"code_norm": 2, "code_min": -2, "code_max": 2, "norm_ratio": 1.5}
    assert scales(latents, codebook) == {**expected, **of_codes}


def test_before_it_quantizes_a_codebook_has_no_figures():
    module = in_training("vqvae_ema")
    module.bottleneck.is_quantizing.fill_(False)
    monitor = CodebookMonitor()
    monitor.setup(trainer(), module, "fit")
    batch = noise(module)
    figures = monitor.measure(module, observed(module, batch), batch)
    assert figures.keys() == {f"codebook/latent_{each}" for each in ("norm", "min", "max")}


@torch.no_grad()
@pytest.mark.parametrize("bottleneck", ["vqvae", "vqvae_ema", "fsq", "rvq", "lfq", "simvq"])
def test_figures_are_those_of_codes_and_latents(bottleneck):
    module = in_training(bottleneck)
    monitor = CodebookMonitor()
    monitor.setup(trainer(), module, "fit")
    batch = noise(module)
    seen = observed(module, batch)
    monitor.on_train_batch_end(trainer(), module, {"observed": seen}, batch, 0)
    figures = monitor.measure(module, seen, batch)
    quantizer, output = module.bottleneck, seen.output.bottleneck
    sequences = output.codes.flatten(0, -2).tolist()
    distinct = sum(len(set(each)) for each in sequences) / len(sequences)
    assert float(figures["codebook/distinct_per_window"]) == pytest.approx(distinct)
    assert float(figures["codebook/latent_max"]) == pytest.approx(output.latents.max().item())
    code_norm = quantizer.codebook_vectors().norm(dim=1).mean()
    torch.testing.assert_close(figures["codebook/code_norm"], code_norm)


@pytest.mark.parametrize("bottleneck", ["identity", "ae", "vae"])
def test_without_codes_there_is_nothing(bottleneck):
    module = in_training(bottleneck)
    monitor = CodebookMonitor()
    monitor.setup(trainer(), module, "fit")
    batch = noise(module)
    assert monitor.measure(module, observed(module, batch), batch) == {}
    assert monitor.state_dict() == {}
    monitor.load_state_dict({})


def test_validations_draw_usage_and_age_of_each_codebook(tmp_path):
    log = HistogramLog(RunFolder(tmp_path).histograms)
    module, run = in_training("rvq"), trainer(logger=[log])
    monitor = CodebookMonitor()
    monitor.setup(run, module, "fit")
    assert monitor.usage is not None
    books = torch.tensor([[[0, 0, 1], [2, 2, 2], [7, 6, 5]]])  # (B, Q, N)
    monitor.usage.add(books, 0)
    monitor.usage.add(books.flip(1), 0)
    module.validation = ValidationSums(module.model, torch.device("cpu"))
    module.validation.add_bottleneck(quantized(books))
    monitor.on_validation_end(run, module)
    drawn = latest(log)
    kinds = ("usage", "age")
    assert drawn.keys() == {f"codebook/{kind}/codebook_{q}" for kind in kinds for q in (1, 2, 3)}
    first = drawn["codebook/usage/codebook_1"]
    assert (first.low, first.high) == (-0.5, 7.5)
    assert first.counts.tolist() == [2, 1, 0, 0, 0, 0, 0, 0]
    assert drawn["codebook/age/codebook_1"].counts.tolist() == [1, 1, 2, 2, 2, 0, 0, 0]
    assert float(monitor.usage.figures()["used_fraction"]) == 0, "counted anew from here on"


def test_a_single_codebook_has_no_number(tmp_path):
    log = HistogramLog(RunFolder(tmp_path).histograms)
    module, run = in_training("fsq"), trainer(logger=[log])
    monitor = CodebookMonitor()
    monitor.setup(run, module, "fit")
    module.validation = ValidationSums(module.model, torch.device("cpu"))
    monitor.on_validation_end(run, module)
    assert not latest(log), "no codes have been counted"
    module.validation.add_bottleneck(quantized(torch.tensor([[0, 11, 11]])))
    monitor.on_validation_end(run, module)
    assert latest(log).keys() == {"codebook/usage", "codebook/age"}
    assert latest(log)["codebook/usage"].counts.tolist() == [1, *[0] * 10, 2]


def test_the_most_used_codes_come_first():
    title, codes, uses = most_used(torch.tensor([1, 0, 5, 2]))
    assert title == "The 4 most used of 4 codes"
    assert codes == ["2", "3", "0", "1"] and uses == [5.0, 2.0, 1.0, 0.0]
    assert len(most_used(torch.ones(512))[1]) == 200
