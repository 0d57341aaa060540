"""Training on a GPU, with all that watches it."""

from __future__ import annotations

from pathlib import Path

import hydra
import pytest
import torch
from helpers.configs import TINY, TINY_CODES

from wavenet_ae.checkpoint import newest_checkpoint
from wavenet_ae.config import plain
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.run import train

pytestmark = pytest.mark.gpu
CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture(autouse=True)
def deterministic(monkeypatch, tmp_path):
    monkeypatch.setenv("WAVENET_AE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)


def trained(folder: Path, *overrides: str) -> Path:
    given = [*TINY, *TINY_CODES, "trainer.accelerator=gpu", f"run_folder={folder}", "name=gpu"]
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        train(plain(hydra.compose("config", [*given, *overrides])))
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found = newest_checkpoint(RunFolder(folder))
    assert found is not None and found[1]["global_step"] == 12
    return found[1]["state_dict"]


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    whole = weights(trained(tmp_path / "whole", "trainer.max_steps=12"))
    trained(tmp_path / "parts", "trainer.max_steps=8")
    parts = weights(trained(tmp_path / "parts", "trainer.max_steps=12"))
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        assert torch.equal(parts[name], value), name


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_all_that_watches_a_run_works(precision, tmp_path):
    folder = trained(
        tmp_path / "run",
        "trainer.max_steps=12",
        f"trainer.precision={precision}",
        "callbacks.audio_samples.every_n_steps=6",
        "callbacks.audio_samples.max_seconds=0.05",
        "callbacks.audio_samples.max_share=1",
    )
    assert len(list((folder / "samples").glob("*/*.wav"))) > 2
    assert RunFolder(folder).best_checkpoint.is_file()
    assert "validation/nll" in RunFolder(folder).metrics.read_text().partition("\n")[0]
