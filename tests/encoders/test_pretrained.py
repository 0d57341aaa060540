"""Weights of a pretrained encoder, from checkpoints that are damaged or of other models."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from helpers.small_models import checkpoint

from wavenet_ae.checkpoint import read_checkpoint, write_checkpoint
from wavenet_ae.encoders.base import Encoder
from wavenet_ae.encoders.pretrained import PretrainedEncoder
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import instantiate


def pretrained(file) -> PretrainedEncoder:
    node = read_checkpoint(file)["wavenet_ae"]["config"]["encoder"]
    encoder = instantiate(copy.deepcopy(node), Encoder, sample_rate=8000)
    return PretrainedEncoder(encoder, str(file), sample_rate=8000)


def nan_weights(content: dict[str, Any]) -> None:
    for name, value in content["state_dict"].items():
        if name.startswith("model.encoder.") and value.is_floating_point():
            value.fill_(float("nan"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (nan_weights, "has weights that are NaN or infinite"),
        (lambda content: content.pop("state_dict"), "state_dict is None"),
        (lambda content: content.update(state_dict=[1]), r"state_dict is \[1\]"),
        (lambda content: content["state_dict"].update({"model.encoder.a": 1}), "encoder.a is 1"),
        (lambda content: content["state_dict"].update({5: torch.zeros(1)}), "state_dict.5 is"),
        (lambda content: content["wavenet_ae"].update(config="mfcc"), "config is 'mfcc'"),
        (lambda content: content["wavenet_ae"].pop("config"), "config is None"),
    ],
)
def test_a_damaged_checkpoint_gives_no_weights(tmp_path, change, message):
    encoder = pretrained(file := checkpoint(tmp_path))
    content = read_checkpoint(file)
    change(content)
    write_checkpoint(content, file)
    with pytest.raises(UserError, match=rf"vqvae-0\.ckpt .*{message}"):
        encoder.load_pretrained()
