"""`wavenet-ae info`: the layers of a model that is to be trained, or of a checkpoint."""

from __future__ import annotations

import pytest
from helpers.composed import compose
from helpers.small_models import checkpoint

from wavenet_ae.cli.info import run
from wavenet_ae.errors import UserError


def described(capsys, *overrides: str) -> str:
    run(compose(*overrides, config_name="info"))
    return capsys.readouterr().out


def test_a_configuration_is_described_without_training(capsys):
    shown = described(capsys, "bottleneck.codebook_size=512")
    assert shown.startswith("codes: 50 codes/s, 512 of them: 450 bit/s nominal\n")
    assert "mfcc frames" in shown and "parameters" in shown


def test_models_without_codes_or_decoder_are_described(capsys):
    assert described(capsys, "model=wavenet").startswith("codes: none\nreceptive field of the dec")
    shown = described(capsys, "model=representation", "objective=contrastive")
    assert "all of the past by its context" in shown and "decoder" not in shown


def test_a_checkpoint_is_described_whatever_its_hop(capsys, tmp_path):
    file = checkpoint(tmp_path, encoder="waveform")
    shown = described(capsys, f"checkpoint={file}")
    assert shown.startswith("codes: ") and "conditioning" in shown
    assert "speakers                       │ 2 and unknown" in shown


def test_a_wrong_size_is_an_error_of_training(capsys):
    with pytest.raises(UserError, match="cannot be built"):
        described(capsys, "model.upsampling.strides=[7]")
    with pytest.raises(UserError, match="checkpoint is 5, but must be a text"):
        described(capsys, "checkpoint=5")
