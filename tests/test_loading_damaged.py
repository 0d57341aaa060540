"""Models from checkpoints that are damaged, or made to harm."""

from __future__ import annotations

import time
from collections.abc import Callable
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


def rewritten(folder, change: Callable[[dict[str, Any]], object]):
    """A checkpoint that is changed and has no digest, as its receiver may get it."""
    file = checkpoint(folder)
    content = read_checkpoint(file)
    change(content)
    del content["wavenet_ae"]["tensors_sha256"]
    torch.save(content, file)
    file.with_name(f"{file.name}.sha256").unlink()
    return file


WEIGHT = "model.decoder.head.weight"


def endless_list(content: dict[str, Any]) -> None:
    content["more"] = [0]
    content["more"].append(content["more"])


def doubled(content: dict[str, Any]) -> None:
    content["more"] = []
    for _ in range(60):
        content["more"] = [content["more"], content["more"]]


def doubled_slowly(content: dict[str, Any]) -> None:
    content["more"] = [0] * 4000
    content["more"] = [content["more"]] * 4000


def shared(content: dict[str, Any]) -> None:
    """As much of a model as one wants, in a small file."""
    rows = torch.zeros(10**6)
    content["state_dict"] |= {f"model.more.{number}": rows for number in range(100)}
    content["wavenet_ae"]["config"]["decoder"]["residual"] = 1024


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.to("meta"), f"state_dict/{WEIGHT} is a tensor without values"),
        (lambda x: x.to_sparse(), f"state_dict/{WEIGHT} is a sparse or nested tensor"),
        (lambda x: x.to(torch.complex64), f"state_dict/{WEIGHT} is a tensor of torch.complex64"),
        (lambda x: x.to(torch.float8_e4m3fn), "is a tensor of torch.float8_e4m3fn"),
        (lambda x: x.long(), r"decoder\.head\.weight is torch\.int64, but must be torch\.float32"),
        (lambda x: x > 0, r"decoder\.head\.weight is torch\.bool, but must be torch\.float32"),
        (lambda _: torch.zeros(1).expand(10**12), "of fewer values than that"),
    ],
)
def test_a_tensor_of_a_kind_that_no_run_writes_is_refused(tmp_path, change, message):
    def exchange(content: dict[str, Any]) -> None:
        content["state_dict"][WEIGHT] = change(content["state_dict"][WEIGHT])

    with pytest.raises(DamagedCheckpoint, match=message):
        load(rewritten(tmp_path, exchange))


@pytest.mark.parametrize("change", [endless_list, doubled, doubled_slowly, shared])
def test_a_small_file_of_values_without_end_is_refused_at_once(tmp_path, change):
    file = rewritten(tmp_path, change)
    start = time.perf_counter()
    with pytest.raises(DamagedCheckpoint, match=r"without end|more values than the file holds"):
        load(file)
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, torch.zeros(2)])
def test_a_configuration_of_other_values_than_plain_ones_is_refused(tmp_path, value):
    def add(content: dict[str, Any]) -> None:
        content["wavenet_ae"]["config"]["more"] = value

    with pytest.raises(DamagedCheckpoint, match="holds no model"):
        load(rewritten(tmp_path, add))
