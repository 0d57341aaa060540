"""Two models have the same fingerprint exactly where they are the same model."""

from __future__ import annotations

import pytest
import torch
from helpers.small_models import checkpoint

from wavenet_ae.checkpoint import SECTION, read_checkpoint, write_checkpoint
from wavenet_ae.loading import load, load_with_fingerprint


def changed(path, tmp_path, change):
    content = read_checkpoint(path)
    change(content)
    other = tmp_path / "other" / "name.ckpt"
    write_checkpoint(content, other)
    return load_with_fingerprint(other)[1]


def _rename_speaker(content):
    content[SECTION]["speakers"] = ["ann", "eve"]


def _other_weight(content):
    content["state_dict"]["model.decoder.head.bias"][3] += 1e-6


def _other_buffer(content):
    content["state_dict"]["model.bottleneck.is_quantizing"] = torch.tensor(False)


def _other_config(content):
    content[SECTION]["config"]["model"]["unknown_speaker_probability"] = 0.25


@pytest.mark.parametrize(
    "change",
    [_rename_speaker, _other_weight, _other_buffer, _other_config],
    ids=lambda f: f.__name__,
)
def test_whatever_makes_another_model_changes_it(change, tmp_path):
    path = checkpoint(tmp_path)
    assert changed(path, tmp_path, change) != load_with_fingerprint(path)[1]


def test_the_fingerprint_does_not_depend_on_what_else_is_in_the_file(tmp_path):
    path = checkpoint(tmp_path)

    def later_and_in_another_order(content):
        content["global_step"], content["optimizer_states"] = 7, [1]
        content["state_dict"] = dict(reversed(content["state_dict"].items()))
        config = content[SECTION]["config"]
        content[SECTION]["config"] = dict(reversed(config.items()))

    model, fingerprint = load_with_fingerprint(path)
    assert changed(path, tmp_path, later_and_in_another_order) == fingerprint
    assert len(fingerprint) == 64 and load(path).speakers == model.speakers
