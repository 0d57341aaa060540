"""docs/guide/lightning.md, as somebody who has a script of Lightning follows it."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from helpers.pages import blocks

import wavenet_ae
from wavenet_ae.models import SpeechModel

PAGE = "docs/guide/lightning.md"


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """The folder in which somebody follows the page: recordings of two speakers are there."""
    rng = np.random.default_rng(0)
    for number in range(12):
        file = tmp_path / "recordings" / ("anna", "bert")[number % 2] / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, 0.1 * rng.standard_normal(16_000), 8000)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_blocks_of_the_page_train(reader, capsys):
    page: dict = {}
    own_script, own_module = blocks(PAGE)
    own_script.execute(page)
    own_module.execute(page)
    assert own_script.text.partition("\nsmall = ")[2].count("\n") <= 20, "a script is short"
    assert page["trainer"].global_step == 4
    loaded = wavenet_ae.load("lightning/mine.ckpt")
    trained = page["module"].model.state_dict()
    assert isinstance(loaded, SpeechModel) and loaded.speakers == ["anna", "bert"]
    assert all(torch.equal(value, trained[name]) for name, value in loaded.state_dict().items())
    assert capsys.readouterr().out.rstrip().endswith("torch.Size([25])")
