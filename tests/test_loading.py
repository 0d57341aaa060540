"""Models that are loaded are those that were saved, and can be used."""

from __future__ import annotations

import pytest
import torch
from helpers.small_models import checkpoint, made, recordings

from wavenet_ae.checkpoint import read_checkpoint, write_checkpoint
from wavenet_ae.errors import UserError
from wavenet_ae.loading import load


def with_value(folder, name, value):
    """A checkpoint of which one value of one tensor is another."""
    path = checkpoint(folder)
    content = read_checkpoint(path)
    content["state_dict"][name].reshape(-1)[0] = value
    write_checkpoint(content, path)
    return path


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["model.decoder.head.bias", "model.encoder.features.mean"])
def test_weights_and_statistics_that_are_not_finite_are_refused(tmp_path, name, value):
    path = with_value(tmp_path, name, value)
    with pytest.raises(UserError, match=r"NaN or infinite, in 1 of \d+ tensors \(" + name[6:]):
        load(path)


def test_generation_refuses_weights_that_are_not_finite(tmp_path):
    path = with_value(tmp_path, "model.decoder.head.bias", float("nan"))
    root = recordings(tmp_path / "in", {"ann/a.wav": 500})
    with pytest.raises(UserError, match=r"its run has diverged. Use an earlier checkpoint"):
        made(checkpoint=path, input=root, task="reconstruct", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_whose_output_overflows_has_no_codes(tmp_path):
    model = load(checkpoint(tmp_path))
    with torch.no_grad():
        model.get_parameter("encoder.blocks.0.convolution.weight").fill_(3e38)
    with pytest.raises(UserError, match="the encoder's output is NaN or infinite"):
        model.encode(torch.randn(8000).clamp(-1, 1).numpy(), model.sample_rate)
