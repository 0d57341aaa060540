"""The causal encoder in an autoencoder and in a representation: trained, resumed, evaluated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.commands import run
from helpers.configs import TINY, TINY_CODES
from helpers.runs import assert_same, last_state, logged, trained

from wavenet_ae import load
from wavenet_ae.audio.io import write
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.runs import RunFolder

pytestmark = pytest.mark.slow
CAUSAL = [
    "encoder=causal",
    "encoder.hidden=8",
    "encoder.stacks=[{kernel: 3, dilations: 1}, {kernel: 2, dilations: [2, 1]}]",
    "data.window_seconds=0.16",
]
CODES = [*TINY, *TINY_CODES, *CAUSAL]
CONTRAST = [
    *(each for each in TINY if not each.startswith("decoder.")),
    *("model=representation", "objective=contrastive", "objective.contrastive.num_ahead=4"),
    *("model.context.dim=16", *CAUSAL, "data.window_seconds=0.64", "data.validation_seconds=6"),
]
FIELD = "src/wavenet_ae/cli/receptive_field.py"


@pytest.fixture(scope="module")
def autoencoder(cache, tmp_path_factory) -> Path:
    return trained(tmp_path_factory.mktemp("causal") / "run", cache, *CODES)


def best(folder: Path) -> Path:
    return RunFolder(folder).checkpoints / "best.ckpt"


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(CODES, id="autoencoder"),
        pytest.param(CONTRAST, id="representation", marks=pytest.mark.long),
    ],
)
def test_a_resumed_run_is_the_run(settings, cache, tmp_path):
    whole, folder = (tmp_path / name for name in ("whole", "resumed"))
    trained(whole, cache, *settings)
    trained(folder, cache, *settings, "trainer.max_steps=10")
    code, output = run("train.py", f"resume={folder}", "trainer.max_steps=24", cache=cache)
    assert code == 0, output
    assert_same(last_state(folder), last_state(whole))
    assert logged(folder) == logged(whole)


def test_a_representation_learns_to_predict(cache, tmp_path):
    folder = tmp_path / "run"
    trained(folder, cache, *CONTRAST, "trainer.max_steps=150", "validate_every_n_steps=50")
    rows = [row for row in logged(folder) if row.get("validation/contrastive")]
    chance = float(rows[0]["validation/contrastive_chance"])
    assert float(rows[-1]["validation/contrastive"]) < chance - 0.2


def test_it_is_evaluated_and_its_receptive_fields_are_certified(autoencoder, cache, tmp_path):
    arguments = [f"checkpoint={best(autoencoder)}", f"out={tmp_path}", "max_seconds=10"]
    metrics = "metrics=[likelihood,units,receptive_fields]"
    code, output = run("evaluate.py", *arguments, metrics, cache=cache)
    assert code == 0, output
    result = EvaluationResult.load(tmp_path / "evaluation.json")
    assert {table.part for table in result.tables} >= {"likelihood", "units", "receptive_fields"}


def test_codes_of_a_recording_are_those_of_its_stream(autoencoder, cache, tmp_path):
    model = load(best(autoencoder))
    noise = np.random.default_rng(0).normal(0, 0.1, 8000)
    sound = (noise * 32767).astype(np.int16)
    write(tmp_path / "a.wav", sound, 8000)
    given = [f"checkpoint={best(autoencoder)}", f"input={tmp_path / 'a.wav'}", "task=encode"]
    code, output = run("generate.py", *given, f"out={tmp_path / 'codes'}", cache=cache)
    assert code == 0, output
    codes = np.load(next((tmp_path / "codes").glob("*.npy")))
    state, latents = None, []
    with torch.no_grad():
        for samples in model.normalize(torch.from_numpy(sound)).split(80):
            made, state = model.encoder.step(samples[None], state)
            latents.append(made)
        streamed = model.bottleneck.encode(torch.cat(latents, dim=-1))[0].numpy()
    assert len(codes) == 50
    windows = np.lib.stride_tricks.sliding_window_view(codes, len(streamed))
    assert any(np.array_equal(streamed, each) for each in windows), "codes at the end read silence"


def test_the_sets_of_a_checkpoint_are_shown(autoencoder, cache, tmp_path):
    out = tmp_path / "field.jpg"
    given = [f"checkpoint={best(autoencoder)}", f"out={out}"]
    code, output = run(FIELD, *given, cache=cache)
    assert code == 0 and "latents: 12 frames, -11 to 0\n" in output, output
    assert "lookahead 0 frames" in output and out.is_file()
    code, output = run(FIELD, *given, "encoder=mel", cache=cache)
    assert code == 1 and "error: encoder=mel is not read with checkpoint=" in output, output


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (["data.window_seconds=0.04"], "0.135 s (1080 samples), more than the window, data.window"),
        (["data.window_seconds=0.04"], "set data.window_seconds=0.14, or lower encoder.num_blocks"),
        (["encoder.features.normalization=utterance"], "subtracts a mean over whole recordings"),
        (["encoder/features=mfcc"], "deltas of MFCC read 4 frames ahead: set encoder.features"),
        (["encoder.stride=3", "data.window_seconds=0.2"], "must be a multiple of the model's hop"),
    ],
)
def test_what_does_not_fit_ends_with_a_sentence(settings, problem, cache, tmp_path):
    settings = [*CODES, *settings, f"hydra.run.dir={tmp_path / 'run'}"]
    code, output = run("train.py", *settings, cache=cache)
    assert code == 1 and problem in output and "Traceback" not in output, output
    assert not (tmp_path / "run").exists()
