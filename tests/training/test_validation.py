"""What a validation adds up does not depend on its batches."""

from __future__ import annotations

from dataclasses import fields, replace
from math import log

import pytest
import torch
from helpers.configs import BOTTLENECKS, language_model, small
from helpers.objectives import categorical_output

from wavenet_ae.metrics.bitrate import CodeStatistics
from wavenet_ae.models import GenerativeModel, build
from wavenet_ae.training.validation import ValidationSums
from wavenet_ae.types import BottleneckOutput, ModelOutput

CPU = torch.device("cpu")
CONTROLS = ("shuffled_codes", "zeroed_codes", "other_speaker")


def model_of(bottleneck: str = "ae") -> GenerativeModel:
    torch.manual_seed(0)
    return build(small(bottleneck), ["anna", "bert"]).eval()


def uniform(num_wrong: int, size: int = 4) -> ModelOutput:
    """Each of these predictions of 10 samples costs log(num_wrong + 1) nats."""
    logits = torch.full((size, 256, 10), -1e9)
    logits[:, : num_wrong + 1] = 0.0
    return categorical_output(logits, torch.zeros(size, 10, dtype=torch.int64))


def part(output: BottleneckOutput, items: slice) -> BottleneckOutput:
    return replace(
        output,
        vectors=output.vectors[items],
        codes=None if output.codes is None else output.codes[items],
        losses={name: loss[items] if loss.ndim else loss for name, loss in output.losses.items()},
    )


KNOWN = torch.zeros(5, dtype=torch.int64)


@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_parts_add_up_to_the_whole(bottleneck):
    model = model_of(bottleneck)
    whole, parts = ValidationSums(model, CPU), ValidationSums(model, CPU)
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(5, model.encoder.dim, 7, generator=generator)
    logits = torch.randn(4, 5, 256, 10, generator=generator)
    targets = torch.randint(0, 256, (5, 10), generator=generator)
    with torch.no_grad():
        output = model.bottleneck(latents)
    for sums, cuts in ((whole, [slice(0, 5)]), (parts, [slice(0, 3), slice(3, 5)])):
        for items in cuts:
            own, *others = (categorical_output(each[items], targets[items]) for each in logits)
            own = replace(own, streams={"codes": part(output, items)})
            sums.add(own, zip(CONTROLS, others, strict=True), KNOWN[items])
    parts.over_processes()  # of one process: nothing is added
    added, at_once = numbers(parts.metrics()), numbers(whole.metrics())
    assert added.keys() == at_once.keys()
    for name, value in at_once.items():
        assert added[name] == pytest.approx(value, abs=1e-6, rel=1e-6), name
    assert parts.bitrates(1.0) == pytest.approx(whole.bitrates(1.0))


def numbers(metrics: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}


def test_nats_gains_and_bits_by_hand():
    sums = ValidationSums(model_of("ae"), CPU)
    others = [uniform(wrong) for wrong in (3, 15, 1)]
    sums.add(uniform(1), zip(CONTROLS, others, strict=True), KNOWN[:4])
    metrics = numbers(sums.metrics())
    assert metrics["nll"] == pytest.approx(log(2))
    assert metrics["bits_per_sample"] == pytest.approx(1)
    assert metrics["nll_zeroed_codes"] == pytest.approx(log(16))
    for bits, name in zip((1, 3, 0), CONTROLS, strict=True):  # a sample
        gain = metrics[f"nll_increase_{name}"]
        assert gain == pytest.approx(bits * log(2), abs=1e-6)
        rate = metrics[f"nll_increase_{name}_bits_per_second"]
        assert rate == pytest.approx(gain * 8000 / log(2), abs=1e-2)
        assert rate == pytest.approx(8000 * bits, abs=1e-2)


def test_larger_batches_weigh_more():
    sums = ValidationSums(model_of("ae"), CPU)
    for wrong, size in ((1, 6), (15, 2)):
        sums.add(uniform(wrong, size), [], torch.zeros(size, dtype=torch.int64))
    assert float(sums.metrics()["nll"]) == pytest.approx((6 * log(2) + 2 * log(16)) / 8)


def test_another_speaker_is_a_control_of_known_speakers_alone():
    """Rows 0 and 1 are known, row 2 is that of all others."""
    own, logits = uniform(1), uniform(1).parameters.clone()
    logits[1:, 2:16] = 0.0  # items 1 to 3 cost log 16
    other = categorical_output(logits, own.targets)
    for rows, gain, share in (([0, 2, 1, 2], 3 / 2, 1 / 2), ([2, 2, 2, 2], None, 0)):
        sums = ValidationSums(model_of("ae"), CPU)
        sums.add(own, [("other_speaker", other)], torch.tensor(rows))
        metrics = numbers(sums.metrics())
        assert metrics.get("nll_increase_other_speaker") == (
            None if gain is None else pytest.approx(gain * log(2))
        )
        assert sums.bitrates(4.0) == {"speaker": pytest.approx(share * 1 / 4)}, "log2 of 2 in 4 s"


def test_perplexity_and_share_of_used_codes_are_means_over_codebooks():
    sums = ValidationSums(model_of("rvq"), CPU)  # 3 codebooks of 8
    book = ([0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 2, 3])
    add_codes(sums, BottleneckOutput(torch.zeros(1), codes=torch.tensor([book])))
    metrics = numbers(sums.metrics())
    assert metrics["perplexity"] == pytest.approx((1 + 2 + 4) / 3)
    assert metrics["codes_used"] == pytest.approx((1 + 2 + 4) / 3 / 8)
    code_rate = 8000 / model_of("rvq").hop
    expected = {"nominal": 9, "unigram": 0 + 1 + 2, "run_length": 0 + 1 + 2}
    bitrates = without_speaker(sums)
    assert bitrates == pytest.approx({k: float(code_rate) * v for k, v in expected.items()})


def add_codes(sums: ValidationSums, output: BottleneckOutput) -> None:
    sums.add_streams({"codes": output})


def without_speaker(sums: ValidationSums) -> dict[str, float]:
    sums.items += 1
    return {name: bits for name, bits in sums.bitrates(1.0).items() if name != "speaker"}


def test_before_it_quantizes_there_are_no_metrics_of_codes():
    sums = ValidationSums(model_of("vqvae_ema"), CPU)
    add_codes(sums, BottleneckOutput(torch.zeros(1)))
    assert not {"perplexity", "codes_used"} & sums.metrics().keys()
    assert without_speaker(sums) == {}


def test_kl_is_a_mean_over_codes():
    model = model_of("vae")
    sums = ValidationSums(model, CPU)
    for nats, size in ((1.0, 6), (5.0, 2)):
        kl = torch.full((size, 3), nats)
        add_codes(sums, BottleneckOutput(torch.zeros(1), losses={"kl": kl}))
    bits = 2.0 / log(2) * 8000 / float(model.hop)
    assert without_speaker(sums) == {"kl": pytest.approx(bits)}


def test_a_model_without_codes_has_no_bitrates():
    sums = ValidationSums(build(language_model(), ["anna"]), CPU)
    sums.add(uniform(1), [("other_speaker", uniform(3))], KNOWN[:4])
    assert numbers(sums.metrics())["nll_increase_other_speaker"] == pytest.approx(log(2))
    assert without_speaker(sums) == {}


def test_processes_change_nothing_when_there_is_one():
    sums = ValidationSums(model_of("vqvae"), CPU)
    add_codes(sums, BottleneckOutput(torch.zeros(1), codes=torch.tensor([[1, 1, 2]])))
    before = sums.codes["codes"]
    sums.over_processes()
    after, names = sums.codes["codes"], [each.name for each in fields(CodeStatistics)]
    assert all(torch.equal(getattr(before, each), getattr(after, each)) for each in names)
