"""Models from checkpoints that are damaged, or made to harm."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from helpers.small_models import checkpoint

from wavenet_ae.checkpoint import DamagedCheckpoint, read_checkpoint, write_checkpoint
from wavenet_ae.loading import TooLarge, load, no_more_than
from wavenet_ae.models.build import build


def changed(folder, *path: str, value: Any):
    """A checkpoint in which one value is another."""
    file = checkpoint(folder)
    content = read_checkpoint(file)
    holder = content
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    write_checkpoint(content, file)
    return file


CONFIG = ("wavenet_ae", "config")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("wavenet_ae", "config"), [], r"config is \[\], but must be a configuration"),
        (("wavenet_ae", "speakers"), "ann", "speakers is 'ann', but must be a list of names"),
        (("state_dict",), None, "state_dict is None, but must be the weights"),
        (("state_dict", "model.post.weight"), 1, "state_dict.model.post.weight is 1"),
        (("state_dict", "model.decoder.post.weight"), torch.zeros(3), "size mismatch"),
        ((*CONFIG, "encoder", "strides"), ["x", 1], r"encoder.strides is \['x', 1\]"),
        ((*CONFIG, "model"), {}, "holds no model"),
        ((*CONFIG, "model", "_target_"), [], "holds no model"),
        ((*CONFIG, "decoder", "_target_"), "os.system", "'os.system'"),
    ],
)
def test_what_makes_no_model_is_named_with_its_file(tmp_path, path, value, message):
    with pytest.raises(DamagedCheckpoint, match=rf"vqvae-0\.ckpt .*{message}"):
        load(changed(tmp_path, *path, value=value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("decoder", "layers_per_block"), 1_000_000),
        (("decoder", "num_blocks"), 1_000),
        (("decoder", "residual"), 65_536),
        (("decoder", "kernel"), 10**400),
        (("encoder", "features", "num_mels"), 10**6),
        (("sample_rate",), 2**31),
    ],
)
def test_a_model_without_end_is_refused_at_once(tmp_path, path, value):
    file = changed(tmp_path, *CONFIG, *path, value=value)
    start = time.perf_counter()
    with pytest.raises(DamagedCheckpoint, match="holds no model"):
        load(file)
    assert time.perf_counter() - start < 2


def test_a_parameter_is_refused_before_it_is_filled():
    with pytest.raises(TooLarge), no_more_than({"weight": torch.zeros(4)}):
        torch.nn.Linear(10**4, 10**5)  # 4 GB


def test_other_modules_are_made_as_before_when_a_model_was_refused(tmp_path):
    with pytest.raises(TooLarge), no_more_than({}):
        torch.nn.Linear(1, 1)
    section = read_checkpoint(checkpoint(tmp_path))["wavenet_ae"]
    assert build(section["config"], section["speakers"]).speakers == section["speakers"]
