"""Parts whose weights and statistics stay as they are while the others learn."""

from __future__ import annotations

import pytest
import torch
from helpers.configs import TINY_CODES, small

from wavenet_ae.checkpoint import newest_checkpoint
from wavenet_ae.errors import UserError
from wavenet_ae.models import build
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.freezing import frozen_parts
from wavenet_ae.training.optimizer import OptimizerConfig
from wavenet_ae.training.preflight import check_sizes
from wavenet_ae.training.run import train

PRINCIPAL = [
    *("bottleneck.init=principal", "bottleneck.dim=8"),
    *("bottleneck.start_after=0", "bottleneck.normalize=false"),
]


def states(settings, *stops: int) -> list[dict[str, torch.Tensor]]:
    """The weights and buffers of a run after some of its steps."""
    found = []
    for stop in stops:
        settings["trainer"]["max_steps"] = stop
        train(settings)
        newest = newest_checkpoint(RunFolder(settings["run_folder"]))
        assert newest is not None
        found.append(newest[1]["state_dict"])
    return found


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    """Names of the parts of which anything has changed."""
    different = [name for name in before if not torch.equal(before[name], after[name])]
    return {name.removeprefix("model.").partition(".")[0] for name in different}


@pytest.mark.parametrize("bottleneck", ["vqvae_ema", "vqvae", "rvq"])
def test_frozen_parts_stay_and_the_others_learn(config, bottleneck):
    """Batch norm, moving averages, revival of codes and the codebook's gradient included."""
    frozen = "optimizer.frozen=[encoder,bottleneck]"
    codes = [*TINY_CODES, "bottleneck.start_after=0", "model.jitter_probability=0.2"]
    started, after = states(config(f"bottleneck={bottleneck}", *codes, frozen), 4, 16)
    assert started["model.bottleneck.is_quantizing"]
    assert changed(started, after) == {"decoder", "upsampling"}


def test_what_is_not_frozen_changes(config):
    """The same settings without it: the test above would fail."""
    started, after = states(config(*TINY_CODES, "bottleneck.start_after=0"), 4, 16)
    assert changed(started, after) >= {"encoder", "bottleneck", "decoder", "upsampling"}


def test_a_frozen_vae_keeps_its_bottleneck(config):
    several = "bottleneck.samples_per_datapoint=2"
    settings = config("bottleneck=vae", several, "optimizer.frozen=[bottleneck]")
    started, after = states(settings, 4, 8)
    assert changed(started, after) == {"encoder", "decoder", "upsampling"}


def test_a_frozen_run_resumes_bit_by_bit(config):
    settings = [*TINY_CODES, *PRINCIPAL, "optimizer.frozen=[encoder,bottleneck]"]
    (whole,) = states(config(*settings, folder="whole"), 16)
    *_, parts = states(config(*settings, folder="parts"), 6, 16)
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_the_optimizer_has_no_frozen_weights():
    model = build(small("vqvae"), ["a"])
    groups = OptimizerConfig(frozen=["encoder", "bottleneck"]).optimizer(model).param_groups
    assert [group["name"] for group in groups] == ["decoder"]
    given = sum(each.numel() for group in groups for each in group["params"])
    parts = (*model.decoder.parameters(), *model.upsampling.parameters())
    assert given == sum(each.numel() for each in parts)


def test_an_unknown_part_and_a_model_without_weights_to_train_are_refused(config):
    model = build(small("vqvae"), ["a"])
    with pytest.raises(UserError, match=r"'encodr', which is not a part .*'encoder'"):
        frozen_parts(model, ["encodr"])
    with pytest.raises(UserError, match="leaves no weights to train"):
        frozen_parts(model, list(dict(model.named_children())))
    with pytest.raises(UserError, match=r"optimizer.frozen has 'codes'"):
        check_sizes(config(*TINY_CODES, "optimizer.frozen=[codes]"))
