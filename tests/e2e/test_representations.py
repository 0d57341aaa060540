"""Representations without a decoder: trained, resumed, by two processes, evaluated, encoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.commands import run
from helpers.runs import assert_same, last_state, logged, trained

from wavenet_ae import load
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.objectives import ClusterTargets
from wavenet_ae.runs import RunFolder

pytestmark = pytest.mark.slow
CORPUS = ["data.source.num_speakers=2", "data.source.minutes=0.5"]
SETTINGS = [
    *CORPUS,
    "model=representation",
    "data.batch_size=4",
    "data.window_seconds=0.64",
    "data.validation_seconds=6",
    "encoder.dim=16",
    "optimizer.warmup_steps=5",
    "trainer.max_steps=24",
    "trainer.log_every_n_steps=1",
    "trainer.accelerator=cpu",
    "validate_every_n_steps=6",
    "callbacks.checkpoints.every_n_steps=4",
]
CONTRAST = [*SETTINGS, "objective=contrastive", "objective.contrastive.num_ahead=4"]
CONTRAST += ["model.context.dim=16"]
TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]


@pytest.fixture(scope="module")
def contrast(cache, tmp_path_factory) -> Path:
    return trained(tmp_path_factory.mktemp("contrast") / "run", cache, *CONTRAST)


def column(folder: Path, name: str) -> list[float]:
    return [float(row[name]) for row in logged(folder) if row.get(name)]


def best(folder: Path) -> Path:
    return RunFolder(folder).checkpoints / "best.ckpt"


def test_the_loss_falls_below_chance(cache, tmp_path):
    folder = tmp_path / "run"
    trained(folder, cache, *CONTRAST, "trainer.max_steps=150", "validate_every_n_steps=50")
    chance = column(folder, "train/contrastive_chance")
    loss = column(folder, "validation/contrastive")
    assert chance[0] == pytest.approx(np.log(32))
    assert loss[-1] < chance[0] - 0.2 and loss[-1] < loss[0]
    accuracy = [
        column(folder, f"validation/contrastive_accuracy_{each}") for each in ("first", "last")
    ]
    assert 1 / 32 < accuracy[1][-1] < accuracy[0][-1] < 1


def test_a_resumed_run_is_the_run(cache, tmp_path, contrast):
    """Predictors are in the checkpoint, with the moments of their optimizer."""
    folder = tmp_path / "run"
    trained(folder, cache, *CONTRAST, "trainer.max_steps=10")
    code, output = run("train.py", f"resume={folder}", "trainer.max_steps=24", cache=cache)
    assert code == 0, output
    state = last_state(folder)
    assert "objective.terms.contrastive.predictors.0.weight" in state["state_dict"]
    assert_same(state, last_state(contrast))
    assert logged(folder) == logged(contrast)


@pytest.mark.parametrize(
    "negatives",
    ["all", *(pytest.param(each, marks=pytest.mark.long) for each in ("utterance", "speaker"))],
)
def test_two_processes_train_what_one_does(cache, tmp_path, negatives):
    settings = [*CONTRAST, f"objective.contrastive.negatives={negatives}"]
    settings += ["trainer.precision=64-true", "trainer.max_steps=8"]
    for name, placement in {"one": [], "two": TWO}.items():
        trained(tmp_path / name, cache, *placement, *settings)
    one, two = (last_state(tmp_path / name)["state_dict"] for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=0, atol=1e-8)
    for name in ("train/contrastive", "validation/contrastive"):
        values = [column(tmp_path / each, name) for each in ("one", "two")]
        assert values[0] == pytest.approx(values[1], abs=1e-5) and values[0]


def test_groups_of_speakers_survive_a_resume_and_a_change_of_processes(cache, tmp_path):
    """Half of a run by two processes, the other half by one."""
    settings = [*CONTRAST, "objective.contrastive.negatives=speaker", "data.windows_per_speaker=2"]
    settings += ["trainer.precision=64-true", "trainer.max_steps=8"]
    whole, moved = tmp_path / "whole", tmp_path / "moved"
    trained(whole, cache, *settings)
    trained(moved, cache, *TWO, *settings, "trainer.max_steps=4")
    one = ["trainer.devices=1", "trainer.strategy=auto", "trainer.max_steps=8"]
    code, output = run("train.py", f"resume={moved}", *one, cache=cache)
    assert code == 0, output
    left, right = (last_state(each)["state_dict"] for each in (whole, moved))
    for name, value in left.items():
        torch.testing.assert_close(right[name], value, rtol=0, atol=1e-8)
    plain = trained(tmp_path / "plain", cache, *settings, "data.windows_per_speaker=1")
    chances = [column(each, "train/contrastive_chance") for each in (whole, plain)]
    assert min(chances[0]) >= np.log(2 * 32) - 1e-6  # two windows of 32 latents
    assert np.mean(chances[0]) != np.mean(chances[1])


def test_it_is_evaluated_without_what_needs_a_decoder(cache, tmp_path, contrast):
    out = tmp_path / "evaluated"
    arguments = [f"checkpoint={best(contrast)}", f"out={out}", "max_abx_items=200"]
    code, output = run("evaluate.py", *arguments, cache=cache)
    assert code == 0, output
    result = EvaluationResult.load(out / "evaluation.json")
    assert set(result.skipped) >= {"likelihood", "reconstruction"}
    assert {"units", "probing"} <= {table.part for table in result.tables}


def test_it_encodes_and_decodes_nothing(cache, tmp_path, contrast):
    model = load(best(contrast))
    sound = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    assert model.encode(sound, 8000).shape == (16, 50)
    from wavenet_ae.audio.io import write

    write(tmp_path / "a.wav", (sound * 32767).astype(np.int16), 8000)
    given = [f"checkpoint={best(contrast)}", f"input={tmp_path / 'a.wav'}"]
    code, output = run(
        "generate.py", *given, "task=encode", f"out={tmp_path / 'codes'}", cache=cache
    )
    assert code == 0, output
    vectors = np.load(next((tmp_path / "codes").glob("*.npy")))
    np.testing.assert_allclose(vectors, model.encode(sound, 8000), atol=0.02)
    submission = tmp_path / "submission"
    code, output = run("generate.py", *given, "task=submission", f"out={submission}", cache=cache)
    assert code == 0, output
    np.testing.assert_array_equal(np.load(next(submission.glob("*.npy"))), vectors.T)
    code, output = run("generate.py", *given, f"out={tmp_path / 'sounds'}", cache=cache)
    assert code == 1 and "this model has no decoder" in output and "Traceback" not in output


def clusters(cache: Path, out: Path, *arguments: Any) -> ClusterTargets:
    given = [*CORPUS, f"out={out}", "num_clusters=8", *arguments]
    code, output = run("src/wavenet_ae/cli/cluster.py", *given, cache=cache)
    assert code == 0, output
    return ClusterTargets.load(out)


def test_a_student_learns_clusters_of_a_context_and_of_mfcc(cache, tmp_path, contrast):
    """The second step of HuBERT: the encoder goes on, and predicts what its context was."""
    of_context = clusters(cache, tmp_path / "context.npz", f"source={best(contrast)}")
    of_mfcc = clusters(cache, tmp_path / "mfcc.npz", "remove_utterance_mean=true")
    assert of_context.centers.shape == (8, 16) and of_mfcc.centers.shape == (8, 39)
    assert list(of_context.lengths) == list(of_mfcc.lengths)
    for name in ("context", "mfcc"):
        folder = tmp_path / name
        settings = [*SETTINGS, "model.context=null", "objective=masked_prediction"]
        settings += [f"objective.masked_prediction.targets={tmp_path / name}.npz"]
        settings += ["trainer.max_steps=120", "validate_every_n_steps=60"]
        trained(folder, cache, *settings, f"init_from={best(contrast)}")
        loss = column(folder, "validation/masked_prediction")
        assert loss[-1] < column(folder, "train/masked_prediction_chance")[0] - 0.2


def test_clusters_of_other_data_are_refused(cache, tmp_path, contrast):
    clusters(cache, tmp_path / "targets.npz", "data.source.seed=1")
    settings = [*SETTINGS, "model.context=null", "objective=masked_prediction"]
    settings += [f"objective.masked_prediction.targets={tmp_path}/targets.npz"]
    code, output = run("train.py", *settings, f"hydra.run.dir={tmp_path}/run", cache=cache)
    assert code == 1 and "holds the clusters of another corpus" in output
    assert "Traceback" not in output


def test_an_autoencoder_learns_contrast_beside_reconstruction(cache, tmp_path):
    """The decoder's likelihood stays what checkpoints are ranked by."""
    settings = [each for each in SETTINGS if each != "model=representation"]
    settings += ["objective=[reconstruction,contrastive]", "objective.contrastive.num_ahead=4"]
    settings += ["objective.contrastive.weight=0.1", "bottleneck=ae", "trainer.max_steps=12"]
    settings += ["callbacks.audio_samples.every_n_steps=0", "decoder.layers_per_block=3"]
    folder = trained(tmp_path / "run", cache, *settings)
    assert column(folder, "validation/nll") and column(folder, "validation/contrastive")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["model=representation"], "objective.reconstruction reads the predictions of a decoder"),
        (["model=wavenet", "objective=contrastive"], "reads the latents of an encoder"),
        ([*SETTINGS, "objective=contrastive", "decoder=wavenet"], "decoder is set, but"),
        (
            [*SETTINGS, "objective=contrastive", "objective.contrastive.num_ahead=40"],
            "num_ahead is 40, but a window has 32 latents",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(cache, tmp_path, arguments, text):
    code, output = run("train.py", *arguments, f"hydra.run.dir={tmp_path}/run", cache=cache)
    assert code == 1 and text in output and "Traceback" not in output
