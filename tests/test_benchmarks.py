"""The benchmark of training: what it compares is comparable, what it counts is computed."""

from __future__ import annotations

import csv
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from helpers.configs import TINY
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import training as benchmark
from padded import PaddedWaveNet
from steps import Setup, TrainingStep, noise, padded_flops, training_flops

SIZES = dict(layers_per_block=3, residual=6, gate=5, skip=7, post=4, speaker_dim=3, levels=16)


def tiny(hop: int = 1, **sizes: int) -> Setup:
    return Setup(batch=2, num_targets=9, conditioning=4, hop=hop, sizes={**SIZES, **sizes})


@pytest.mark.parametrize("hop", [1, 4])
@pytest.mark.parametrize("kernel", [2, 3])
def test_the_ordinary_wavenet_is_the_same_model(hop, kernel):
    decoder = tiny(hop, kernel=kernel).decoder().double()
    padded = PaddedWaveNet(decoder).double()
    samples, conditioning, speaker, targets = noise(decoder, 2, 9, "cpu")
    results = []
    for model, embedding in ((decoder, decoder.input.weight), (padded, padded.embedding.weight)):
        vectors = conditioning.detach().double().requires_grad_()
        logits = model(samples, vectors, speaker)
        nll = decoder.output.nll(logits, targets).mean()
        results.append((logits, *torch.autograd.grad(nll, (vectors, embedding))))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_both_implementations_compute_the_same_step():
    setup = tiny()
    inputs = noise(setup.decoder(), setup.batch, setup.num_targets, "cpu")
    models = (setup.decoder(), PaddedWaveNet(setup.decoder()))
    steps = [TrainingStep(model, inputs, "fp32") for model in models]
    losses = [[step().item() for _ in range(5)] for step in steps]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert losses[0][-1] < losses[0][0]


@pytest.mark.parametrize("hop", [1, 4])
def test_arithmetic_of_the_ordinary_wavenet_is_what_torch_counts(hop):
    setup = tiny(hop)
    step = TrainingStep(PaddedWaveNet(setup.decoder()), noise(setup.decoder(), 2, 9, "cpu"), "fp32")
    with FlopCounterMode(display=False) as counter:
        step.loss().backward()
    held = padded_flops(setup.decoder(), setup.batch, setup.num_targets)
    assert counter.get_total_flops() == held


def test_valid_arithmetic_by_hand():
    decoder = tiny(hop=4, num_blocks=1, layers_per_block=2).decoder()
    taps, conditioning, residual, skip = 2 * 6 * 10, 4 * 10, 5 * 6, 5 * 7
    # 9 predictions; the first layer has 11 outputs and reads vectors 0 to 2, as does the second,
    # whose 9 outputs are the first layer's from 2 on
    first = 11 * (taps + residual) + 3 * conditioning
    second = 9 * taps + 3 * conditioning
    head = 9 * (2 * skip + 7 * 4 + 4 * 16)
    speaker = 2 * 3 * 10
    assert training_flops(decoder, 2, 9) == 6 * 2 * (first + second + head + speaker)


def test_rows_of_a_tiny_decoder(monkeypatch, tmp_path, capsys):
    hurried = partial(benchmark.seconds_per_call, least=0.0)
    monkeypatch.setattr(benchmark, "seconds_per_call", hurried)
    rows = benchmark.measure("tiny", tiny(), repeats=3, device="cpu", squares=[(8, 8, 8)])
    names = [(row["precision"], row["implementation"]) for row in rows]
    assert names == [(p, i) for p in ("fp32", "bf16") for i in ("ours", "padded", "products")]
    flops = training_flops(tiny().decoder(), 2, 9)
    for row in rows:
        for samples, rate, share, peak in zip(
            *(row[name] for name in ("samples/s", "GFLOPS", "of peak", "peak GFLOPS")), strict=True
        ):
            assert rate == pytest.approx(samples * flops / 18 / 1e9)
            assert share == pytest.approx(rate / peak)
    benchmark.write(rows, tmp_path / "bench" / "training.csv")
    with (tmp_path / "bench" / "training.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [row["processor"] for row in written] == [rows[0]["processor"]] * 6
    assert float(written[0]["of peak"]) == sorted(rows[0]["of peak"])[1]
    benchmark.show(rows)
    assert "of peak" in capsys.readouterr().out


def test_data_of_a_tiny_corpus(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WAVENET_AE_CACHE", str(tmp_path))
    seconds = benchmark.batch_seconds(2, TINY)
    assert len(seconds) == 2 and min(seconds) > 0
    benchmark.show_data([0.001], 0.1)
    assert "1.0% of" in capsys.readouterr().out
