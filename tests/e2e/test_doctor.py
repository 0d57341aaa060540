"""Runs made to fail are called by the doctor within their first tenth; healthy ones are not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pytest
import soundfile
from helpers.commands import ROOT
from helpers.configs import BOTTLENECKS, NO_REMEDY, TINY, TINY_QUANTIZERS
from helpers.runs import trained
from hydra.core.global_hydra import GlobalHydra

from wavenet_ae.config import check, plain
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.run import train

pytestmark = pytest.mark.slow
NUM_STEPS = 1500  # of a whole run; no schedule depends on where it ends
FIRST_TENTH = f"trainer.max_steps={NUM_STEPS // 10}"
SETTINGS = [
    *TINY,
    "seed=2",
    "optimizer.warmup_steps=100",
    "optimizer.decoder_learning_rate=0.02",
    "trainer.log_every_n_steps=5",
    "validate_every_n_steps=100",
    f"callbacks.checkpoints.every_n_steps={NUM_STEPS}",
]
KL_COSTS_TOO_MUCH = [
    "bottleneck=vae",
    "objective.bottleneck.kl_weight=100",
    "objective.bottleneck.kl_anneal_steps=0",
    "optimizer.learning_rate=0.01",
]
UNSHIELDED = [
    "bottleneck=ae",
    "encoder.norm=none",
    "encoder.shortcut=false",
    "optimizer.learning_rate=10",
]
LATENTS_ARE_FREE = [
    "bottleneck=vqvae",
    "bottleneck.codebook_size=8",
    "bottleneck.normalize=false",
    "bottleneck.start_after=0",
    "bottleneck.revive_after=0",
    "objective.bottleneck.commitment_weight=0",
    "optimizer.learning_rate=0.1",
]
HARDLY_MOVING = [
    "bottleneck=ae",
    "optimizer.learning_rate=1e-7",
    "optimizer.decoder_learning_rate=1e-7",
]
FAILING = {
    "posterior collapse": ("vae/active_units", KL_COSTS_TOO_MUCH),
    "encoder without gradient": ("encoder/gradient_norm_at_bottleneck", UNSHIELDED),
    "exploding commitment": ("bottleneck/commitment", LATENTS_ARE_FREE),
    "stalled learning": ("train/nll", HARDLY_MOVING),
}


@pytest.fixture(autouse=True)
def corpora(cache, monkeypatch):
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))


def composed(folder: Path, *settings: str) -> dict[str, Any]:
    GlobalHydra.instance().clear()
    place = [f"run_folder={folder}", "name=test"]
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = plain(hydra.compose("config", [*place, *settings]))
    check(config)
    folder.mkdir()
    return config


def assert_warns_of(log: str, mode: str, metric: str) -> None:
    """The mode is the first that the doctor warns of, by its metric and with a suggestion."""
    warnings = re.findall(r"step \d+: ([a-z ]+): (\S+) is \S+\.  .*  Try \S+=", log)
    assert warnings, log
    assert warnings[0][0] == mode and warnings[0][1].startswith(metric), log


@pytest.mark.parametrize("mode", FAILING)
def test_a_failing_run_is_warned_of(mode, tmp_path, caplog):
    metric, settings = FAILING[mode]
    train(composed(tmp_path / "run", *SETTINGS, *settings, FIRST_TENTH))
    assert_warns_of(caplog.text, mode, metric)


def test_too_large_steps_suggest_a_smaller_learning_rate(tmp_path, caplog):
    settings = ["bottleneck=ae", "optimizer.decoder_learning_rate=3"]
    train(composed(tmp_path / "run", *SETTINGS, *settings, FIRST_TENTH))
    assert_warns_of(caplog.text, "stalled learning", "train/nll")
    assert "optimizer.decoder_learning_rate=0.3 (now 3)" in caplog.text


def test_train_log_warns_of_a_collapsed_codebook(tmp_path, cache):
    settings = ["bottleneck=vqvae", "bottleneck.codebook_size=32", *NO_REMEDY]
    folder = trained(tmp_path / "run", cache, *SETTINGS, *settings, FIRST_TENTH)
    log = RunFolder(folder).log.read_text()
    assert_warns_of(log, "codebook collapse", "codebook/batch_perplexity")
    assert "WARNING wavenet_ae.training.callbacks.doctor: step " in log


@pytest.mark.parametrize("is_clipped", [True, False])
def test_clipped_recordings_are_warned_of_and_others_are_not(is_clipped, tmp_path, caplog):
    speech = hums(gain=20.0 if is_clipped else 0.5)
    for number, waveform in enumerate(speech):
        file = tmp_path / "speech" / f"speaker{number % 2}" / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, waveform, 8000)
    settings = [each for each in SETTINGS if not each.startswith("data.source.")]
    settings += ["data=folder", f"data.root={tmp_path}/speech", "trainer.max_steps=50"]
    train(composed(tmp_path / "run", *settings, "bottleneck=ae"))
    assert ("saturated input: input/clipped_fraction is" in caplog.text) == is_clipped


def hums(gain: float) -> np.ndarray:
    """20 recordings (20, 8000) of a second each, in -1 to 1: what exceeds it is cut."""
    rng, seconds = np.random.default_rng(0), np.arange(8000) / 8000
    pitches = rng.uniform(80, 300, (20, 1))
    return np.clip(gain * np.sin(2 * np.pi * pitches * seconds), -1, 1)


OFTEN = ("vqvae", "rvq", "vae")  # between them they log all that the doctor reads


@pytest.mark.parametrize(
    "bottleneck",
    [pytest.param(each, marks=[] if each in OFTEN else [pytest.mark.long]) for each in BOTTLENECKS],
)
def test_a_healthy_run_is_not_warned_of(bottleneck, tmp_path, caplog):
    """For as long as its first three validations."""
    settings = [f"bottleneck={bottleneck}", *TINY_QUANTIZERS.get(bottleneck, [])]
    train(composed(tmp_path / "run", *SETTINGS, *settings, "trainer.max_steps=300"))
    assert "wavenet_ae.training.callbacks.doctor" not in caplog.text, caplog.text
