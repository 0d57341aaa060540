"""Usage of codes against sequences worked out by hand, scales, and what a validation logs."""

from __future__ import annotations

import io

import pytest
import torch
from helpers.watched import in_training, latest, noise, observed, quantized, trainer

from wavenet_ae.runs import RunFolder
from wavenet_ae.training.logging import HistogramLog
from wavenet_ae.training.monitors import CodebookMonitor
from wavenet_ae.training.monitors.codebook import CodeUsage, distinct, most_used, scales
from wavenet_ae.training.validation import ValidationSums


def add(usage: CodeUsage, *rows: list[int], num_revived: int = 0) -> None:
    """A batch of sequences (B, N) of a single codebook."""
    usage.add(torch.tensor(rows)[:, None], num_revived)


def metrics(usage: CodeUsage) -> dict[str, float]:
    return {name: float(value) for name, value in usage.metrics().items()}


def by_hand(*metrics: float) -> dict[str, float]:
    names = (
        "distinct_per_window",
        "batch_perplexity",
        "recent_perplexity",
        "used_fraction",
        "dead_codes",
        "mean_age",
        "max_age",
        "revived_codes",
    )
    return pytest.approx(dict(zip(names, metrics, strict=True)))


def test_three_batches_by_hand():
    """Four codes, of which those unused for two batches are dead."""
    usage = CodeUsage(num_codebooks=1, codebook_size=4, recent_batches=2)
    add(usage, [0, 0, 1, 1], [2, 2, 2, 2])  # shares 1/4, 1/4, 1/2; code 3 has never been used
    assert metrics(usage) == by_hand(1.5, 2**1.5, 2**1.5, 3 / 4, 0, 1 / 4, 1, 0)
    add(usage, [0, 0, 0, 0], [0, 0, 0, 0])
    recent = (16 / 10) ** (10 / 16) * 8 ** (2 / 16) * 4 ** (4 / 16)  # of counts 10, 2, 4
    assert metrics(usage) == by_hand(1, 1, recent, 3 / 4, 1, 1, 2, 0)
    usage.mark_validation()
    add(usage, [3, 3, 3, 3], [1, 1, 1, 1])  # with the second batch, counts 8, 4, 0, 4
    assert metrics(usage) == by_hand(1, 2, 2**1.5, 2 / 4, 1, 3 / 4, 2, 0)
    assert usage.ages.tolist() == [[1, 0, 2, 0]]


def test_nothing_is_used_right_after_a_validation():
    usage = CodeUsage(1, 4, 2)
    add(usage, [0, 1, 2, 3])
    assert metrics(usage)["used_fraction"] == 1
    usage.mark_validation()
    assert metrics(usage)["used_fraction"] == 0


def test_revived_codes_add_up_until_they_are_logged():
    usage = CodeUsage(1, 4, 2)
    add(usage, [0, 1], num_revived=2)
    add(usage, [0, 1], num_revived=3)
    assert metrics(usage)["revived_codes"] == 5
    add(usage, [0, 1])
    assert metrics(usage)["revived_codes"] == 0


def test_several_codebooks_are_averaged_and_their_dead_codes_added_up():
    usage = CodeUsage(num_codebooks=2, codebook_size=4, recent_batches=1)
    usage.add(torch.tensor([[[0, 0, 0, 0], [0, 1, 2, 3]]]), 0)  # (B, Q, N)
    usage.add(torch.tensor([[[1, 1, 1, 1], [0, 1, 0, 1]]]), 0)
    # ages 1 0 2 2 and 0 0 1 1
    found = metrics(usage)
    for name in ("batch_perplexity", "recent_perplexity"):
        assert [found.pop(f"{name}/codebook_{book}") for book in (1, 2)] == pytest.approx([1, 2])
    assert found == by_hand(1.5, 1.5, 1.5, 6 / 8, 5, 7 / 8, 2, 0)


def test_distinct_codes_of_each_sequence():
    codes = torch.tensor([[[3, 1, 3, 1], [5, 5, 5, 5]], [[0, 1, 2, 3], [2, 0, 0, 2]]])
    assert distinct(codes).tolist() == [[2, 1], [4, 2]]


def saved(usage: CodeUsage) -> bytes:
    file = io.BytesIO()
    torch.save(usage.state_dict(), file)
    return file.getvalue()


@pytest.mark.parametrize("stop", [1, 4, 9])
def test_stopped_and_resumed_equals_never_stopped(stop):
    """Around the validation after batch 4, with metrics after every third."""
    generator = torch.Generator().manual_seed(0)
    batches = torch.randint(0, 30, (12, 2, 3, 5), generator=generator)  # (batch, B, Q, N)
    whole = CodeUsage(num_codebooks=3, codebook_size=32, recent_batches=3)
    parts = CodeUsage(num_codebooks=3, codebook_size=32, recent_batches=3)
    for number, codes in enumerate(batches, start=1):
        for usage in (whole, parts):
            usage.add(codes, number % 2)
        if number == 4:
            whole.mark_validation()
            parts.mark_validation()
        if number == stop:
            state = torch.load(io.BytesIO(saved(parts)), weights_only=True)
            parts = CodeUsage(num_codebooks=3, codebook_size=32, recent_batches=3)
            parts.load_state_dict(state)
        if number % 3 == 0:
            assert metrics(parts) == metrics(whole)
    assert torch.equal(parts.ages, whole.ages)


def test_a_large_codebook_costs_eight_bytes_a_code():
    size = 2**18
    usage = CodeUsage(num_codebooks=1, codebook_size=size, recent_batches=100)
    for _ in range(300):
        usage.add(torch.randint(0, size, (4, 1, 20), dtype=torch.int32), 0)
    assert len(saved(usage)) < 8 * size + 100_000, "no window of counts"
    assert metrics(usage)["recent_perplexity"] == pytest.approx(8000, rel=0.03)


def test_scales_by_hand():
    latents = torch.tensor([[3.0, 4.0], [0.0, -1.0]])  # norms 5 and 1
    codebook = torch.tensor([[0.0, 2.0], [0.0, 2.0], [-2.0, 0.0]])
    expected = {"latent_norm": 3, "latent_min": -1, "latent_max": 4}
    assert scales(latents, None) == expected
    of_codes = {"code_norm": 2, "code_min": -2, "code_max": 2, "norm_ratio": 1.5}
    assert scales(latents, codebook) == {**expected, **of_codes}


def test_before_it_quantizes_a_codebook_has_no_metrics():
    module = in_training("vqvae_ema")
    module.model.bottleneck.is_quantizing.fill_(False)
    monitor = CodebookMonitor()
    monitor.setup(trainer(), module, "fit")
    batch = noise(module)
    metrics = monitor.measure(module, observed(module, batch), batch)
    assert metrics.keys() == {f"codebook/latent_{each}" for each in ("norm", "min", "max")}


@torch.no_grad()
@pytest.mark.parametrize(
    "bottleneck",
    ["vqvae", "vqvae_ema", "fsq", "rvq", "lfq", "simvq", "rfsq", "random_projection"],
)
def test_metrics_are_those_of_codes_and_latents(bottleneck):
    module = in_training(bottleneck)
    monitor = CodebookMonitor()
    monitor.setup(trainer(), module, "fit")
    batch = noise(module)
    seen = observed(module, batch)
    monitor.on_train_batch_end(trainer(), module, {"observed": seen}, batch, 0)
    metrics = monitor.measure(module, seen, batch)
    quantizer, output = module.model.bottleneck, seen.output.streams["codes"]
    sequences = output.codes.flatten(0, -2).tolist()
    distinct = sum(len(set(each)) for each in sequences) / len(sequences)
    assert float(metrics["codebook/distinct_per_window"]) == pytest.approx(distinct)
    assert float(metrics["codebook/latent_max"]) == pytest.approx(output.latents.max().item())
    code_norm = quantizer.codebook_vectors().norm(dim=1).mean()
    torch.testing.assert_close(metrics["codebook/code_norm"], code_norm)


@pytest.mark.parametrize("bottleneck", ["identity", "ae", "vae"])
def test_without_codes_there_is_nothing(bottleneck):
    module = in_training(bottleneck)
    monitor = CodebookMonitor()
    monitor.setup(trainer(), module, "fit")
    batch = noise(module)
    assert monitor.measure(module, observed(module, batch), batch) == {}
    assert monitor.state_dict() == {}
    monitor.load_state_dict({})


def test_validations_log_usage_and_age_of_each_codebook(tmp_path):
    log = HistogramLog(RunFolder(tmp_path).histograms)
    module, run = in_training("rvq"), trainer(logger=[log])
    monitor = CodebookMonitor()
    monitor.setup(run, module, "fit")
    usage = monitor.usages["codes"]
    books = torch.tensor([[[0, 0, 1], [2, 2, 2], [7, 6, 5]]])  # (B, Q, N)
    usage.add(books, 0)
    usage.add(books.flip(1), 0)
    module.validation = ValidationSums(module.model, torch.device("cpu"))
    module.validation.add_streams({"codes": quantized(books)})
    monitor.on_validation_end(run, module)
    logged = latest(log)
    kinds = ("usage", "age")
    assert logged.keys() == {f"codebook/{kind}/codebook_{q}" for kind in kinds for q in (1, 2, 3)}
    first = logged["codebook/usage/codebook_1"]
    assert (first.low, first.high) == (-0.5, 7.5)
    assert first.counts.tolist() == [2, 1, 0, 0, 0, 0, 0, 0]
    assert logged["codebook/age/codebook_1"].counts.tolist() == [1, 1, 2, 2, 2, 0, 0, 0]
    assert float(usage.metrics()["used_fraction"]) == 0, "counted from here on"


def test_a_single_codebook_has_no_number(tmp_path):
    log = HistogramLog(RunFolder(tmp_path).histograms)
    module, run = in_training("fsq"), trainer(logger=[log])
    monitor = CodebookMonitor()
    monitor.setup(run, module, "fit")
    module.validation = ValidationSums(module.model, torch.device("cpu"))
    monitor.on_validation_end(run, module)
    assert not latest(log), "no codes have been counted"
    counted = quantized(torch.tensor([[0, 11, 11]]))
    module.validation.add_streams({"codes": counted})
    monitor.on_validation_end(run, module)
    assert latest(log).keys() == {"codebook/usage", "codebook/age"}
    assert latest(log)["codebook/usage"].counts.tolist() == [1, *[0] * 10, 2]


def test_the_most_used_codes_come_first():
    title, codes, uses = most_used(torch.tensor([1, 0, 5, 2]))
    assert title == "The 4 most used of 4 codes"
    assert codes == ["2", "3", "0", "1"] and uses == [5.0, 2.0, 1.0, 0.0]
    assert len(most_used(torch.ones(512))[1]) == 200
