"""Runs whose encoder comes from another run's checkpoint, or from torchaudio."""

from __future__ import annotations

import shutil
from math import isfinite

import pytest
import torch
from helpers import small_models
from helpers.bundles import add_small_bundles
from helpers.composed import compose
from helpers.configs import TINY, TINY_CODES

import wavenet_ae
from wavenet_ae.checkpoint import read_checkpoint
from wavenet_ae.config import check
from wavenet_ae.errors import UserError
from wavenet_ae.metrics.receptive_fields import measure_receptive_fields
from wavenet_ae.models.summary import model_summary
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.preflight import check_sizes
from wavenet_ae.training.run import train

FEW = ["trainer.max_steps=8", "bottleneck=vqvae_ema", *TINY_CODES]


def encoder_weights(run) -> dict[str, torch.Tensor]:
    state = read_checkpoint(RunFolder(run).step_checkpoints()[-1])["state_dict"]
    return {name: each for name, each in state.items() if name.startswith("model.encoder.")}


@pytest.fixture
def first(config, tmp_path):
    """The checkpoint of a run with an ordinary encoder."""
    train(config(*FEW, folder="first"))
    return RunFolder(tmp_path / "first").step_checkpoints()[-1]


@pytest.mark.parametrize("tuned", [False, True])
def test_the_encoder_of_a_checkpoint_stays_or_is_tuned(config, tmp_path, first, tuned):
    settings = ["encoder=pretrained", f"encoder.checkpoint={first}", "encoder.encoder.dim=16"]
    values = config(*FEW, *settings, f"encoder.tuned={str(tuned).lower()}", "seed=2")
    assert isfinite(train(values))
    before, after = encoder_weights(tmp_path / "first"), encoder_weights(tmp_path / "run")
    renamed = {
        name.replace("model.encoder.", "model.encoder.encoder.", 1): each
        for name, each in before.items()
    }
    assert renamed.keys() == after.keys()
    is_same = [torch.equal(after[name], renamed[name]) for name in after]
    assert all(is_same) != tuned
    first.unlink()  # the run holds all that it needs
    model = wavenet_ae.load(RunFolder(tmp_path / "run").best_checkpoint)
    assert model.encode(torch.zeros(2000).numpy(), 8000).shape == (13,)
    values["trainer"]["max_steps"] = 10
    assert isfinite(train(values)), "a resume does not read the first run's checkpoint"


def test_the_features_of_a_checkpoint_s_encoder_are_centered_on_each_utterance(config, tmp_path):
    train(config(*FEW, "encoder.features.normalization=utterance", folder="first"))
    checkpoint = RunFolder(tmp_path / "first").step_checkpoints()[-1]
    settings = ["encoder=pretrained", f"encoder.checkpoint={checkpoint}", "encoder.encoder.dim=16"]
    assert isfinite(
        train(config(*FEW, *settings, "encoder.encoder.features.normalization=utterance"))
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (["encoder.encoder.dim=24"], "holds another encoder than encoder.encoder"),
        (["encoder.encoder.dim=16", "sample_rate=16000"], "was trained at 8000 Hz"),
        (["encoder.checkpoint=/nowhere.ckpt"], "there is no checkpoint /nowhere.ckpt"),
    ],
)
def test_a_checkpoint_of_another_encoder_is_refused(config, first, changes, problem):
    with pytest.raises(UserError, match=problem):
        config(*FEW, "encoder=pretrained", f"encoder.checkpoint={first}", *changes)


def test_a_checkpoint_without_an_encoder_is_refused(config, tmp_path):
    file = small_models.checkpoint(tmp_path, "wavenet")  # a language model
    with pytest.raises(UserError, match=f"checkpoint={file} holds no encoder: use the checkpoint"):
        check_sizes(config(*FEW, "encoder=pretrained", f"encoder.checkpoint={file}"))


@pytest.mark.parametrize("tuned", [False, True])
def test_a_model_of_torchaudio_is_trained_on_and_saved_whole(config, monkeypatch, tmp_path, tuned):
    add_small_bundles(monkeypatch, tmp_path / "hub")
    settings = ["encoder=wav2vec2", "sample_rate=16000", "encoder.bundle=SMALL_HUBERT"]
    settings += ["encoder.layer=2", f"encoder.tuned={str(tuned).lower()}"]
    values = config(*FEW, *settings)
    pretrained = torch.load(tmp_path / "hub" / "checkpoints" / "SMALL_HUBERT.pth")
    assert isfinite(train(values))
    shutil.rmtree(tmp_path / "hub")
    after = encoder_weights(tmp_path / "run")
    is_same = [
        torch.equal(each, pretrained[name.removeprefix("model.encoder.model.")])
        for name, each in after.items()
        if ".model." in name.removeprefix("model.")
    ]
    assert len(is_same) > 20 and all(is_same) != tuned
    values["trainer"]["max_steps"] = 10
    assert isfinite(train(values)), "a resume downloads nothing"
    model = wavenet_ae.load(RunFolder(tmp_path / "run").best_checkpoint)
    assert model.encode(torch.zeros(3201).numpy(), 16_000).shape == (11,)
    names = [each.name for each in measure_receptive_fields(model)]
    assert names == ["receptive field of the decoder", "samples conditioned on a code"]
    assert "the whole window; through convolutions alone 400" in model_summary(
        model, model.window(320)
    )


@pytest.mark.parametrize("tuned", [False, True])
def test_a_start_from_a_run_with_another_pretrained_encoder_is_refused(
    config, tmp_path, first, tuned
):
    train(config(*FEW, "seed=3", folder="second"))
    second = RunFolder(tmp_path / "second").step_checkpoints()[-1]
    settings = ["encoder=pretrained", "encoder.encoder.dim=16", f"encoder.tuned={tuned}"]
    train(config(*FEW, *settings, f"encoder.checkpoint={first}"))
    start = RunFolder(tmp_path / "run").step_checkpoints()[-1]
    settings.append(f"init_from={start}")
    with pytest.raises(UserError) as found:
        config(*FEW, *settings, f"encoder.checkpoint={second}", folder="other")
    assert str(found.value) == (
        f"init_from={start} has the weights of encoder.checkpoint={first}, but "
        f"encoder.checkpoint is {second}: set encoder.checkpoint={first}, or remove init_from"
    )
    config(*FEW, *settings, f"encoder.checkpoint={first}", folder="other")


def test_a_checkpoint_that_was_moved_is_the_same_encoder(config, tmp_path, first):
    settings = ["encoder=pretrained", "encoder.encoder.dim=16"]
    train(config(*FEW, *settings, f"encoder.checkpoint={first}"))
    start = RunFolder(tmp_path / "run").step_checkpoints()[-1]
    moved = shutil.copy(first, tmp_path / "moved.ckpt")
    shutil.copy(f"{first}.sha256", f"{moved}.sha256")
    config(*FEW, *settings, f"encoder.checkpoint={moved}", f"init_from={start}", folder="other")


def test_a_start_from_another_layer_is_refused(config, monkeypatch, tmp_path):
    add_small_bundles(monkeypatch, tmp_path / "hub")
    settings = ["encoder=wav2vec2", "sample_rate=16000", "encoder.bundle=SMALL_HUBERT"]
    train(config(*FEW, *settings, "encoder.layer=1"))
    start = RunFolder(tmp_path / "run").step_checkpoints()[-1]
    problem = r"has the weights of encoder\.layer=1, but encoder\.layer is 2: set encoder\.layer=1"
    with pytest.raises(UserError, match=problem):
        config(*FEW, *settings, "encoder.layer=2", f"init_from={start}", folder="other")


@pytest.mark.parametrize(
    "setting", ["features.normalization=utterance", "dilations=[1,1,1,1,1,1,2]"]
)
def test_an_encoder_that_computes_something_else_with_these_weights_is_refused(
    config, first, setting
):
    settings = ["encoder=pretrained", f"encoder.checkpoint={first}", "encoder.encoder.dim=16"]
    key, _, value = setting.partition("=")
    with pytest.raises(UserError, match=rf"encoder\.encoder\.{key} is .* but (corpus|null) in "):
        config(*FEW, *settings, f"encoder.encoder.{key}={value}")


@pytest.mark.parametrize(
    "is_compiled", [False, pytest.param(True, marks=pytest.mark.long)], ids=["plain", "compiled"]
)
def test_an_objective_is_trained_on_an_encoder_that_stays_as_it_is(
    config, tmp_path, first, is_compiled
):
    """Nothing of the model has a gradient then: only the objective's own weights learn."""
    without_decoder = compose(
        *("model=representation", "model.context=null", "objective=contrastive"),
        *("encoder=pretrained", f"encoder.checkpoint={first}", "encoder.encoder.dim=16"),
        *("data.window_seconds=0.64", f"compile={is_compiled}"),
        *(each for each in TINY if each.startswith(("data.source", "data.batch", "trainer"))),
        *("trainer.max_steps=4", "validate_every_n_steps=2", "data.validation_seconds=4"),
    )
    without_decoder["run_folder"] = str(tmp_path / "alone")
    check(without_decoder)
    check_sizes(without_decoder)
    assert isfinite(train(without_decoder))
    before, after = encoder_weights(tmp_path / "first"), encoder_weights(tmp_path / "alone")
    for name, value in before.items():
        assert torch.equal(after[name.replace("encoder.", "encoder.encoder.", 1)], value), name
