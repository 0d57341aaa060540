"""Whole runs in this process, on a corpus of half a minute."""

from __future__ import annotations

from math import isnan, log, nan
from pathlib import Path

import hydra
import pytest
import torch
from helpers.configs import (
    BOTTLENECKS,
    PERTURBED,
    TINY_CODES,
    TINY_GRU,
    TINY_MIXTURE,
    TINY_QUANTIZERS,
)
from hydra.core.global_hydra import GlobalHydra

import wavenet_ae
from wavenet_ae.checkpoint import newest_checkpoint, read_checkpoint
from wavenet_ae.config import check, plain
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.errors import UserError
from wavenet_ae.objectives import Criterion, Reconstruction
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.callbacks import Checkpoints
from wavenet_ae.training.module import NonFiniteLoss
from wavenet_ae.training.preflight import check_sizes
from wavenet_ae.training.run import train

CONF = Path(__file__).parents[2] / "conf"
PLACE = ["run_folder=unused", "name=test"]


def state(folder: Path | str) -> dict[str, torch.Tensor]:
    found = newest_checkpoint(RunFolder(folder))
    assert found is not None
    return found[1]["state_dict"]


QUICK = ("vqvae_ema", "vae", "fsq", "ae")  # the others are tested by the slow tests


@pytest.mark.parametrize(
    "bottleneck",
    [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in BOTTLENECKS],
)
def test_every_bottleneck_learns_and_loads(bottleneck, config):
    codes = TINY_QUANTIZERS.get(bottleneck, [])
    # With seed 1 the decoder that comes after rvq starts slowly, quantized or not.
    fast = ["optimizer.decoder_learning_rate=0.02", "trainer.max_steps=60", "seed=2"]
    seldom = ["validate_every_n_steps=20", "callbacks.checkpoints.every_n_steps=20"]
    settings = config(f"bottleneck={bottleneck}", *codes, *fast, *seldom)
    last = train(settings)
    folder = Path(settings["run_folder"])
    metrics = read_metrics(RunFolder(folder).metrics)
    first = metrics["train/nll"][1][0]
    assert first > 5 and last < first - 0.7, "nats per sample, from about log 256"
    model = wavenet_ae.load(RunFolder(folder).best_checkpoint)
    assert model.speakers == ["spk00", "spk01"]
    if codes:
        assert bool(model.bottleneck.is_quantizing)
        assert "validation/perplexity" in metrics
        # before the codebook starts there are no codes to count
        assert metrics["codebook/batch_perplexity"][0][0] == 4
    assert "validation/nll_increase_shuffled_codes" in metrics


RESUMED = [
    ["bottleneck=vqvae_ema", *TINY_CODES, "model.jitter_probability=0.3"],
    ["bottleneck=vae", "bottleneck.samples_per_datapoint=2"],
    ["bottleneck=ae", "callbacks=weight_averaging", "data.padding=silence"],
    ["bottleneck=ae", "trainer.precision=bf16-mixed", "data.buffer_fraction=0.5"],
    [*PERTURBED, *TINY_CODES],
]
RESUMED_TOO = [  # slow together
    ["bottleneck=vqvae", *TINY_CODES, "trainer.accumulate_grad_batches=2"],
    ["bottleneck=rvq", *TINY_CODES, "callbacks=weight_averaging"],
    ["bottleneck=vqvae", *TINY_CODES, "bottleneck.gradient=diveq", "model.speaker_norm=true"],
    ["bottleneck=ae", *TINY_MIXTURE],
    ["bottleneck=vqvae", *TINY_CODES, *TINY_GRU],
]
RESUMED_NOW_AND_THEN = [  # other combinations of what those above have
    ["bottleneck=vqvae", *TINY_CODES, "callbacks=weight_averaging"],
    ["bottleneck=lfq", *TINY_QUANTIZERS["lfq"]],
    ["bottleneck=vqvae_ema", *TINY_CODES, "bottleneck.distance=cosine"],
    ["bottleneck=rvq", *TINY_CODES, "bottleneck.gradient=rotation"],
    ["bottleneck=ae", "encoder.features.normalization=speaker", "data.padding=silence"],
]


@pytest.mark.parametrize(
    "overrides",
    [
        *RESUMED,
        *(pytest.param(each, marks=pytest.mark.slow) for each in RESUMED_TOO),
        *(pytest.param(each, marks=pytest.mark.long) for each in RESUMED_NOW_AND_THEN),
    ],
)
def test_resumed_equals_uninterrupted(overrides, config):
    """Bit by bit; one stop falls on a step with a validation and one on a step without."""
    whole, parts = (config(*overrides, folder=each) for each in ("whole", "parts"))
    for settings, stops in ((whole, [16]), (parts, [6, 8, 16])):
        for stop in stops:
            settings["trainer"]["max_steps"] = stop
            torch.manual_seed(stop)  # whatever ran before must not matter
            train(settings)
    left, right = state(whole["run_folder"]), state(parts["run_folder"])
    different = [name for name in left if not torch.equal(left[name], right[name])]
    assert not different
    rows = [read_metrics(RunFolder(each["run_folder"]).metrics) for each in (whole, parts)]
    assert rows[0].keys() == rows[1].keys()
    for key in rows[0].keys() - {"speed/times_real_time"}:
        assert rows[0][key][0].tolist() == rows[1][key][0].tolist(), key
        assert rows[0][key][1].tolist() == rows[1][key][1].tolist(), key


def test_a_run_at_its_end_warns(config, caplog):
    settings = config("bottleneck=ae", "trainer.max_steps=4")
    begun: list[bool] = []
    train(settings, lambda: begun.append(RunFolder(settings["run_folder"]).config.is_file()))
    assert begun == [True]
    before = RunFolder(settings["run_folder"]).metrics.read_bytes()
    assert isnan(train(settings)), "it has never validated"
    assert "is already at step 4; raise trainer.max_steps" in caplog.text
    assert RunFolder(settings["run_folder"]).metrics.read_bytes() == before


def test_what_lightning_refuses_is_found_before_packing(config, tmp_path):
    settings = config("bottleneck=ae", f"data.cache_dir={tmp_path}/packed")
    settings["trainer"]["accelerator"] = "banana"
    with pytest.raises(UserError, match=r"trainer\.\* cannot be used here.*=banana"):
        train(settings)
    assert not (tmp_path / "packed").exists()


def test_newest_two_and_best_are_kept(config):
    settings = config("bottleneck=ae", "trainer.max_steps=14")
    train(settings)
    run = RunFolder(settings["run_folder"])
    assert [path.name for path in run.step_checkpoints()] == [
        "step-00000012.ckpt",
        "step-00000014.ckpt",
    ]
    assert run.best_checkpoint.is_file()


@pytest.mark.parametrize("max_steps", [8, 12], ids=["its last step", "a step between"])
def test_a_resume_links_the_best_checkpoint_after_a_kill_before_the_link(
    max_steps, config, monkeypatch
):
    settings = config("bottleneck=ae", "trainer.max_steps=4", "validate_every_n_steps=4")
    train(settings)
    settings["trainer"]["max_steps"] = max_steps
    run = RunFolder(settings["run_folder"])
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr("wavenet_ae.training.callbacks.checkpoints.link_checkpoint", kill)
        train(settings)
    assert run.step_checkpoints()[-1] == run.step_checkpoint(8), "better than step 4, and saved"
    assert read_checkpoint(run.best_checkpoint)["global_step"] == 4
    # Nothing after step 8 is better, so that step 8 alone can be the best.
    monkeypatch.setattr(Checkpoints, "is_best", lambda *_: False)
    train(settings)
    assert read_checkpoint(run.best_checkpoint)["global_step"] == 8
    assert (run.checkpoints / "best.ckpt.sha256").is_file()


class Killed(BaseException):
    """Ends a run as SIGKILL does: nothing catches it."""


def kill(*_args: object) -> None:
    raise Killed


def test_what_was_best_without_codes_gives_way_to_the_first_with_them():
    kept, nll = Checkpoints("unused"), Reconstruction.criterion
    assert kept.is_best(nll, 2.0, is_complete=False) and not kept.is_best(
        nll, 2.1, is_complete=False
    )
    assert not kept.is_best(nll, nan, is_complete=True)
    assert kept.is_best(nll, 2.5, is_complete=True) and not kept.is_best(nll, 2.6, is_complete=True)
    assert kept.is_best(nll, 2.4, is_complete=True) and kept.best_value == 2.4
    again = Checkpoints("unused")
    again.load_state_dict(kept.state_dict())
    assert not again.is_best(nll, 2.45, is_complete=True)


def test_a_criterion_may_be_better_the_greater_it_is():
    kept, accuracy = Checkpoints("unused"), Criterion("validation/x", "maximize", "", "x")
    assert kept.is_best(accuracy, 0.2, is_complete=True) and kept.is_best(accuracy, 0.3, True)
    assert not kept.is_best(accuracy, 0.25, True)


def test_another_configuration_does_not_continue_a_run(config):
    settings = config("bottleneck=ae", "trainer.max_steps=4")
    train(settings)
    settings["trainer"]["max_steps"] = 8
    settings["optimizer"]["learning_rate"] = 0.5
    with pytest.raises(UserError, match=r"optimizer\.learning_rate: 0\.001 then, 0\.5 now"):
        train(settings)


def test_resume_on_other_data_is_refused(config):
    settings = config("bottleneck=ae", "trainer.max_steps=4")
    train(settings)
    RunFolder(settings["run_folder"]).config.unlink()
    settings["trainer"]["max_steps"] = 8
    settings["data"]["batch_size"] = 2
    with pytest.raises(UserError, match="batch_size: 4 then, 2 now"):
        train(settings)


def test_non_finite_loss_stops_and_names_the_batch(config):
    settings = config("bottleneck=ae", "trainer.max_steps=8")
    train(settings)
    before = state(settings["run_folder"])
    settings["trainer"]["max_steps"] = 100
    settings["objective"]["bottleneck"]["norm_weight"] = float("inf")
    RunFolder(settings["run_folder"]).config.unlink()  # it would refuse the change
    with pytest.raises(
        NonFiniteLoss, match=r"at step 8 \(epoch \d+, batch \d+\).*spk0\d_"
    ) as error:
        train(settings)
    assert "optimizer.learning_rate" in str(error.value)
    after = state(settings["run_folder"])
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_unknown_speakers_are_warned_of(config, caplog):
    settings = config("bottleneck=ae", "trainer.max_steps=2", "data.limit=1")
    train(settings)
    assert "1 speaker not in the training split" in caplog.text


def test_overfit_repeats_its_batches(config):
    settings = config("bottleneck=ae", "trainer.max_steps=40", "data.overfit=1")
    last = train(settings)
    metrics = read_metrics(RunFolder(settings["run_folder"]).metrics)
    assert abs(last - metrics["train/nll"][1][-1]) < 0.6, "validates on what it trains on"


def test_tensorboard_and_offline_wandb(config, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    settings = config("bottleneck=ae", "trainer.max_steps=4", "logger=[tensorboard,wandb]")
    train(settings)
    settings["trainer"]["max_steps"] = 8
    train(settings)
    folder = Path(settings["run_folder"])
    assert list(RunFolder(folder).tensorboard.glob("events*"))
    segments = list((folder / "wandb").glob("offline-run-*"))
    ids = {segment.name.split("-")[3] for segment in segments}  # of one second, numbered: id-1
    assert ids == {RunFolder(folder).wandb_id.read_text()}
    import wandb

    wandb.finish()


@pytest.mark.parametrize("encoder", ["waveform", "mel", "units", "identity"])
def test_every_encoder_learns_and_loads(encoder, config):
    last = train(config(f"encoder={encoder}", "bottleneck=ae", "trainer.max_steps=12"))
    assert not isnan(last)


def test_a_perturbed_input_changes_what_is_learned_and_no_validation(config):
    """Without a step that changes a weight or a statistic, validation stays as it was."""
    folders = {}
    for name, overrides in {"off": ["encoder=units"], "on": PERTURBED}.items():
        settings = config(*overrides, "bottleneck=identity", "trainer.max_steps=6", folder=name)
        settings["optimizer"]["learning_rate"] = settings["optimizer"]["decoder_learning_rate"] = 0
        train(settings)
        folders[name] = read_metrics(RunFolder(settings["run_folder"]).metrics)
    off, on = folders["off"], folders["on"]
    assert off["validation/nll"][1].tolist() == on["validation/nll"][1].tolist()
    assert (off["train/nll"][1] != on["train/nll"][1]).all()


@pytest.mark.parametrize("model", ["wavenet", "mfcc_inverter"])
@pytest.mark.parametrize("rate", [8000, 22050])
def test_every_model_learns_resumes_and_loads(model, rate, config, tmp_path):
    settings = [f"model={model}", f"sample_rate={rate}"]
    train(config(*settings, "trainer.max_steps=12"))
    resumed = train(config(*settings, "trainer.max_steps=24"))
    assert resumed < log(256), "better than no model at all"
    loaded = wavenet_ae.load(RunFolder(tmp_path / "run").step_checkpoints()[-1])
    assert loaded.sample_rate == rate


def experiments() -> list:
    """`long`: the large model of VCTK, whose encoder of waveforms other tests train."""
    names = sorted(path.stem for path in CONF.glob("experiment/*.yaml"))
    return [
        pytest.param(each, marks=[pytest.mark.long] if each == "vctk" else []) for each in names
    ]


@pytest.mark.slow
@pytest.mark.parametrize("experiment", experiments())
def test_every_recipe_takes_a_step_on_the_built_in_corpus(experiment, cache, monkeypatch, tmp_path):
    """At its own sizes, with fewer and shorter windows, and quantizing from the second step."""
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))
    few = ["data.batch_size=2", "data.window_seconds=0.08", "data.validation_seconds=0.2"]
    soon = ["bottleneck.start_after=1", "bottleneck.codebook_size=16", "trainer.max_steps=2"]
    soon += ["bottleneck=vqvae_ema"] if experiment == "next_frame" else []  # else without codes
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        composed = hydra.compose(
            "config", [*PLACE, f"experiment={experiment}", "data=toy", *few, *soon]
        )
    values = plain(composed) | {"run_folder": str(tmp_path)}
    values["data"]["source"] |= {"num_speakers": 2, "minutes": 0.5}
    values["validate_every_n_steps"] = 2
    check(values)
    check_sizes(values)
    assert not isnan(train(values))
    assert state(tmp_path)["model.bottleneck.is_quantizing"]


def test_a_run_starts_from_the_weights_of_another(config, tmp_path, caplog):
    caplog.set_level("INFO", "wavenet_ae")
    fast = [*TINY_CODES, "optimizer.decoder_learning_rate=0.02"]
    train(config(*fast, "trainer.max_steps=60", folder="first"))
    start = RunFolder(tmp_path / "first").step_checkpoints()[-1]
    second = config(*fast, f"init_from={start}", "seed=2", "trainer.max_steps=4")
    train(second)
    assert "started from" in caplog.text and "2 of 2 speakers known" in caplog.text
    curves = [read_metrics(RunFolder(tmp_path / name).metrics) for name in ("first", "run")]
    first, last = (curve["train/nll"][1] for curve in curves)
    assert last[0] < first[0] - 0.5, "it starts where the other had come to"
    train(
        second | {"trainer": second["trainer"] | {"max_steps": 8}}
    )  # a resume starts from its own
    assert caplog.text.count("started from") == 1
