"""What a validation adds up does not depend on its batches."""

from __future__ import annotations

from dataclasses import fields, replace
from math import log

import pytest
import torch
from configs import BOTTLENECKS, SMALL, small

from wavenet_ae.evaluation.bitrate import CodeStatistics
from wavenet_ae.models import WaveformModel, build
from wavenet_ae.training.validation import ValidationSums
from wavenet_ae.types import BottleneckOutput, ModelOutput

CPU = torch.device("cpu")
CONTROLS = ("other_codes", "zeroed_codes", "other_speaker")


def model_of(bottleneck: str = "ae") -> WaveformModel:
    torch.manual_seed(0)
    return build(small(bottleneck), ["anna", "bert"]).eval()


def uniform(num_wrong: int, size: int = 4) -> ModelOutput:
    """Each of these predictions of 10 samples costs log(num_wrong + 1) nats."""
    logits = torch.full((size, 256, 10), -1e9)
    logits[:, : num_wrong + 1] = 0.0
    return ModelOutput(logits, torch.zeros(size, 10, dtype=torch.int64))


def part(output: BottleneckOutput, items: slice) -> BottleneckOutput:
    return replace(
        output,
        vectors=output.vectors[items],
        codes=None if output.codes is None else output.codes[items],
        losses={name: loss[items] if loss.ndim else loss for name, loss in output.losses.items()},
    )


@pytest.mark.parametrize("bottleneck", BOTTLENECKS)
def test_parts_add_up_to_the_whole(bottleneck):
    model = model_of(bottleneck)
    whole, parts = ValidationSums(model, CPU), ValidationSums(model, CPU)
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(5, model.encoder.dim, 7, generator=generator)
    logits = torch.randn(len(whole.names), 5, 256, 10, generator=generator)
    targets = torch.randint(0, 256, (5, 10), generator=generator)
    with torch.no_grad():
        output = model.bottleneck(latents)
    whole.add_bottleneck(output)
    for name, given in zip(whole.names, logits, strict=True):
        whole.add_nll(name, ModelOutput(given, targets))
    for items in (slice(0, 3), slice(3, 5)):
        parts.add_bottleneck(part(output, items))
        for name, given in zip(parts.names, logits, strict=True):
            parts.add_nll(name, ModelOutput(given[items], targets[items]))
    parts.over_processes()  # of one process: nothing is added
    added, at_once = numbers(parts.figures()), numbers(whole.figures())
    assert added.keys() == at_once.keys()
    for name, figure in at_once.items():
        tolerance = 0.05 if name.endswith("per_second") else 5e-6  # batches are summed in float32
        assert added[name] == pytest.approx(figure, abs=tolerance), name
    assert parts.bitrates() == pytest.approx(whole.bitrates())


def numbers(figures: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(figure) for name, figure in figures.items()}


def test_nats_gains_and_bits_by_hand():
    model = model_of("ae")
    sums = ValidationSums(model, CPU)
    sums.add_nll("nll", uniform(1))
    for wrong, name in zip((3, 15, 1), CONTROLS, strict=True):
        sums.add_nll(f"nll_{name}", uniform(wrong))
    figures = numbers(sums.figures())
    assert figures["nll"] == pytest.approx(log(2))
    assert figures["bits_per_sample"] == pytest.approx(1)
    assert figures["nll_zeroed_codes"] == pytest.approx(log(16))
    for bits, name in zip((1, 3, 0), CONTROLS, strict=True):  # a sample
        gain = figures[f"gain_over_{name}"]
        assert gain == pytest.approx(bits * log(2), abs=1e-6)
        rate = figures[f"gain_over_{name}_bits_per_second"]
        assert rate == pytest.approx(gain * 8000 / log(2), abs=1e-2)
        assert rate == pytest.approx(8000 * bits, abs=1e-2)


def test_larger_batches_weigh_more():
    sums = ValidationSums(model_of("ae"), CPU)
    sums.add_nll("nll", uniform(1, size=6))
    sums.add_nll("nll", uniform(15, size=2))
    assert float(sums.figures()["nll"]) == pytest.approx((6 * log(2) + 2 * log(16)) / 8)


def test_perplexity_and_share_of_used_codes_are_means_over_codebooks():
    sums = ValidationSums(model_of("rvq"), CPU)  # 3 codebooks of 8
    book = ([0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 2, 3])
    sums.add_bottleneck(BottleneckOutput(torch.zeros(1), codes=torch.tensor([book])))
    figures = numbers(sums.figures())
    assert figures["perplexity"] == pytest.approx((1 + 2 + 4) / 3)
    assert figures["codes_used"] == pytest.approx((1 + 2 + 4) / 3 / 8)
    code_rate = 8000 / model_of("rvq").hop
    expected = {"nominal": 9, "unigram": 0 + 1 + 2, "run_length": 0 + 1 + 2}
    assert sums.bitrates() == pytest.approx({k: float(code_rate) * v for k, v in expected.items()})


def test_before_it_quantises_there_are_no_figures_of_codes():
    sums = ValidationSums(model_of("vqvae_ema"), CPU)
    sums.add_bottleneck(BottleneckOutput(torch.zeros(1)))
    assert not {"perplexity", "codes_used"} & sums.figures().keys()
    assert sums.bitrates() == {}


def test_kl_is_a_mean_over_codes():
    model = model_of("vae")
    sums = ValidationSums(model, CPU)
    for nats, size in ((1.0, 6), (5.0, 2)):
        kl = torch.full((size, 3), nats)
        sums.add_bottleneck(BottleneckOutput(torch.zeros(1), losses={"kl": kl}))
    bits = 2.0 / log(2) * 8000 / float(model.hop)
    assert sums.bitrates() == {"kl": pytest.approx(bits)}


def test_a_model_without_codes_has_no_bitrates():
    target = "wavenet_ae.models.WaveNetLanguageModel"
    config = {"sample_rate": 8000, "decoder": SMALL["decoder"], "model": {"_target_": target}}
    sums = ValidationSums(build(config, ["anna"]), CPU)
    assert sums.names == ("nll", "nll_other_speaker") and sums.bitrates() == {}
    sums.add_nll("nll", uniform(1))
    sums.add_nll("nll_other_speaker", uniform(3))
    assert numbers(sums.figures())["gain_over_other_speaker"] == pytest.approx(log(2))


def test_processes_change_nothing_when_there_is_one():
    sums = ValidationSums(model_of("vqvae"), CPU)
    sums.add_bottleneck(BottleneckOutput(torch.zeros(1), codes=torch.tensor([[1, 1, 2]])))
    before = sums.codes
    sums.over_processes()
    assert before is not None and sums.codes is not None
    names = [each.name for each in fields(CodeStatistics)]
    assert all(torch.equal(getattr(before, each), getattr(sums.codes, each)) for each in names)
