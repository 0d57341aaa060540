"""Audio samples of a run: made in time, bounded in their share of it, and changing nothing."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hydra
import numpy as np
import pytest
import pytorch_lightning as pl
import soundfile
import torch
from helpers.configs import TINY, TINY_CODES, language_model, small
from helpers.wandb_files import history, segments
from hydra.core.global_hydra import GlobalHydra
from matplotlib.image import imread
from pytorch_lightning.callbacks import Timer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import wavenet_ae
from wavenet_ae.checkpoint import newest_checkpoint
from wavenet_ae.config import plain
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.errors import UserError
from wavenet_ae.models import build
from wavenet_ae.plotting.spectrograms import plot_spectrograms
from wavenet_ae.runs import RunFolder, step_of
from wavenet_ae.training.callbacks.audio_samples import (
    AudioSamples,
    Clock,
    SampledUtterance,
    make_samples,
)
from wavenet_ae.training.run import train

CONF = Path(__file__).parents[2] / "conf"
AUDIO_SAMPLES = {
    "_target_": "wavenet_ae.training.callbacks.audio_samples.AudioSamples",
    "every_n_steps": 4,
    "max_seconds": 0.1,
    "max_share": 1.0,
}
ENDINGS = ["original", "reconstruction", "to-spk01"]


@pytest.fixture
def config(cache, monkeypatch, tmp_path):
    """A function from overrides to the plain configuration of a run that makes audio samples."""
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))

    def compose(*overrides: str, folder: str = "run", **changes: Any) -> dict:
        without = "model=wavenet" in overrides
        tiny = [each for each in TINY if not (without and each.startswith("encoder."))]
        place = ["run_folder=unused", "name=test", "trainer.max_steps=6"]
        GlobalHydra.instance().clear()
        with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
            values = plain(hydra.compose("config", [*tiny, *place, *overrides]))
        values["run_folder"] = str(tmp_path / folder)
        values["callbacks"]["audio_samples"] = {**AUDIO_SAMPLES, **changes}
        return values

    return compose


def samples(folder: Path | str) -> dict[str, list[str]]:
    """Names of the files of each set of samples."""
    found: dict[str, list[str]] = {}
    for file in sorted(RunFolder(folder).samples.glob("*/*")):
        found.setdefault(file.parent.name, []).append(file.name)
    return found


def last_state(config: dict) -> list[Any]:
    """All that the last checkpoint holds of weights, averages, optimizer and data."""
    found = newest_checkpoint(RunFolder(config["run_folder"]))
    assert found is not None
    kept = ("state_dict", "current_model_state", "optimizer_states", "lr_schedulers", "SpeechData")
    return list(leaves({key: found[1].get(key) for key in kept}))


def leaves(node: Any) -> Iterator[Any]:
    """Names and values, tensors as lists."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from leaves(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from leaves(value)
    else:
        yield node.tolist() if isinstance(node, torch.Tensor) else node


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ["bottleneck=vqvae_ema", *TINY_CODES, "trainer.accumulate_grad_batches=2"],
        ["bottleneck=vae", "callbacks=weight_averaging"],
    ],
    ids=["accumulating", "averaging"],
)
def test_a_run_is_the_same_with_it_and_without(overrides, config):
    """Bit by bit, and in all that it logs; there are samples at every other step."""
    with_samples = config(*overrides, every_n_steps=2)
    without = config(*overrides, folder="without", every_n_steps=0)
    for each in (with_samples, without):
        torch.manual_seed(len(each["run_folder"]))  # whatever ran before must not matter
        train(each)
    assert last_state(with_samples) == last_state(without)
    rows = [read_metrics(RunFolder(each["run_folder"]).metrics) for each in (with_samples, without)]
    assert rows[0].keys() - rows[1].keys() == {"audio_samples/seconds"}
    for key in rows[1].keys() - {"speed/times_real_time"}:
        assert rows[0][key][1].tolist() == rows[1][key][1].tolist(), key
    assert list(samples(with_samples["run_folder"])) == [f"step-{step:08d}" for step in (2, 4, 6)]
    assert not samples(without["run_folder"])


def test_random_state_is_left_alone():
    torch.manual_seed(0)
    model = build(small("vae"), ["ann", "bob"])
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    made = make_samples(model, [utterance()], "auto")
    plot_spectrograms({name: made[name] for name in list(made)[:2]}, 8000)
    after = random.getstate(), np.random.get_state(), torch.get_rng_state()
    assert before[0] == after[0] and torch.equal(before[2], after[2])
    assert all(np.array_equal(*pair) for pair in zip(before[1], after[1], strict=True))


def utterance(num_samples: int = 500, **speakers: int) -> SampledUtterance:
    rng = np.random.default_rng(0)
    original = (3000 * rng.standard_normal(num_samples)).astype(np.int16)
    return SampledUtterance("a", original, speakers or {"reconstruction": 0, "to-bob": 1})


def test_each_part_keeps_its_mode_and_its_statistics():
    model = build(small("vqvae_ema"), ["ann", "bob"]).train()
    model.encoder.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [part.training for part in model.modules()]
    make_samples(model, [utterance()], "auto")
    assert [part.training for part in model.modules()] == modes and False in modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_is_made_side_by_side_is_as_long_as_its_original():
    model = build(small("ae"), ["ann", "bob"])
    long, short = utterance(900), utterance(333)
    made = make_samples(
        model, [long, SampledUtterance("b", short.original, {"to-bob": 1})], "reference"
    )
    assert {name: len(sample) for name, sample in made.items()} == {
        **dict.fromkeys(("a-original", "a-reconstruction", "a-to-bob"), 900),
        **dict.fromkeys(("b-original", "b-to-bob"), 333),
    }
    assert not np.array_equal(made["a-reconstruction"], made["a-to-bob"])


@pytest.mark.slow
@pytest.mark.parametrize("averaging", ["default", "weight_averaging"])
def test_samples_are_those_of_the_checkpoint(averaging, config):
    """Before it quantizes and after; with averaged weights, of these."""
    settings = config(*TINY_CODES, f"callbacks={averaging}", num_utterances=1)
    assert settings["bottleneck"]["start_after"] == 3
    settings["callbacks"]["checkpoints"]["every_n_steps"] = 2
    settings["callbacks"]["checkpoints"]["keep"] = 9
    settings["callbacks"]["audio_samples"]["every_n_steps"] = 2
    train(settings)
    folder = Path(settings["run_folder"])
    assert len(RunFolder(folder).step_checkpoints()) == 3
    for checkpoint in RunFolder(folder).step_checkpoints():
        model = wavenet_ae.load(checkpoint)
        (original,) = sorted(
            RunFolder(folder).step_samples(step_of(checkpoint)).glob("*-original.wav")
        )
        name = original.stem.removesuffix("-original")
        speakers = {"reconstruction": 0, "to-spk01": 1}
        waveform, rate = soundfile.read(original, dtype="int16")
        assert rate == 8000 and len(waveform) == 800
        expected = make_samples(model, [SampledUtterance(name, waveform, speakers)], "reference")
        for file, sample in expected.items():
            written, _ = soundfile.read(original.with_name(f"{file}.wav"), dtype="int16")
            assert np.array_equal(written, sample), (checkpoint, file)


def test_files_and_a_plot_of_each_utterance(config, caplog):
    caplog.set_level("INFO", "wavenet_ae")
    precision = "trainer.precision=bf16-mixed"
    settings = config("bottleneck=ae", precision, every_n_steps=5, num_utterances=1)
    train(settings)
    written = samples(settings["run_folder"])
    assert list(written) == ["step-00000005", "step-00000006"], "and at the end"
    for names in written.values():
        utterances = {re.match(r"(spk00-spk00_\d+)(-|\.png)", name)[1] for name in names}
        (only,) = utterances
        assert names == sorted([f"{only}.png", *(f"{only}-{sample}.wav" for sample in ENDINGS)])
    plot = imread(RunFolder(settings["run_folder"]).step_samples(6) / f"{only}.png")
    assert plot.shape[:2] == (520, 800) and len(np.unique(plot[..., 0])) > 50
    assert re.search(
        r"step 5: audio samples took \d+\.\d s, \d+\.\d % of the time since", caplog.text
    )
    metrics = read_metrics(RunFolder(settings["run_folder"]).metrics)
    steps, seconds = metrics["audio_samples/seconds"]
    assert steps.tolist() == [5, 6] and (seconds > 0).all()


def test_a_model_without_codes_makes_unconditional_samples(config):
    settings = config("model=wavenet", num_utterances=1)
    train(settings)
    names = samples(settings["run_folder"])["step-00000006"]
    endings = [re.sub(r"spk00-spk00_\d+", "", name) for name in names]
    assert endings == ["-original.wav", "-sample-of-spk00.wav", ".png"]


def test_a_model_without_speaker_conditioning_makes_one_sample_for_all_speakers():
    model = build(language_model(speaker_conditioning=False), ["ann"])
    own, unknown = (make_samples(model, [utterance(sample=row)], "auto") for row in (0, 1))
    assert np.array_equal(own["a-sample"], unknown["a-sample"])


def test_its_share_of_all_time_is_bounded():
    clock = Clock(now=100.0)
    assert clock.share_with_another(110.0) == 0, "the first one's cost is not known"
    assert clock.add(110.0, 112.0) == pytest.approx(2 / 12)
    assert clock.share_with_another(116.0) == pytest.approx((2 + 2) / (16 + 2))
    assert clock.share_with_another(138.0) == pytest.approx(0.1)
    assert clock.add(138.0, 139.0) == pytest.approx(1 / 27)
    assert clock.share_with_another(199.0) == pytest.approx((3 + 1) / (99 + 1))


@pytest.mark.slow
def test_what_would_take_too_long_is_left_out_with_one_warning(config, caplog):
    settings = config("bottleneck=ae", every_n_steps=1, max_share=1e-6)
    train(settings)
    assert list(samples(settings["run_folder"])) == ["step-00000001"]
    (warning,) = [
        each for each in caplog.messages if "callbacks.audio_samples.max_share is" in each
    ]
    assert warning.startswith("step 2: no audio samples")


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")


@pytest.mark.slow
def test_a_run_that_ends_by_time_has_samples_of_its_end(config):
    end = "+trainer.max_time=00:00:00:01"
    settings = config("bottleneck=ae", end, every_n_steps=2, max_share=1.0)
    settings["trainer"]["max_steps"] = -1
    train(settings)
    last = RunFolder(settings["run_folder"]).step_checkpoints()[-1].stem
    assert list(samples(settings["run_folder"]))[-1] == last


def test_a_shorter_run_has_no_samples(config):
    settings = config("bottleneck=ae", every_n_steps=100)
    train(settings)
    assert not RunFolder(settings["run_folder"]).samples.exists()


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"convert_to": "spk1"}, r"convert_to is 'spk1', which is no.*Did you mean 'spk01'\?"),
        ({"engine": "banana"}, "engine is 'banana'"),
    ],
)
def test_mistakes_are_found_before_the_first_step(mistake, message, config):
    settings = config("bottleneck=ae", **mistake)
    with pytest.raises(UserError, match=message):
        train(settings)
    assert not RunFolder(settings["run_folder"]).step_checkpoints()


def test_utterances_are_not_converted_to_their_own_speaker(config):
    precision = "trainer.precision=64-true"
    settings = config("bottleneck=ae", precision, convert_to="spk01", num_utterances=9)
    train(settings)
    names = samples(settings["run_folder"])["step-00000006"]
    assert {name[:5] for name in names} == {"spk00", "spk01"}
    assert {name[:5] for name in names if "-to-" in name} == {"spk00"}


@pytest.mark.slow
def test_tensorboard_and_wandb_get_audio_and_plots(config, offline):
    settings = config("bottleneck=ae", "logger=[tensorboard,wandb]", num_utterances=1)
    train(settings)
    folder = Path(settings["run_folder"])
    (original,) = RunFolder(folder).step_samples(6).glob("*-original.wav")
    name = "audio_samples/" + original.stem.removesuffix("-original")

    keep_all = {"audio": 0, "images": 0}
    events = EventAccumulator(str(RunFolder(folder).tensorboard), keep_all).Reload()
    assert events.Tags()["audio"] == [f"{name}-{sample}" for sample in ENDINGS]
    assert events.Tags()["images"] == [name]
    audio = events.Audio(f"{name}-original")
    assert [each.step for each in audio] == [3, 5] and audio[0].sample_rate == 8000

    (segment,) = segments(folder)
    rows = [row for row in history(segment) if "audio_samples/seconds" in row]
    assert [row["trainer/global_step"] for row in rows] == [3, 5]
    assert all("train/nll" in row for row in rows), "one row holds both"
    for row in rows:
        assert row[name]["_type"] == "image-file"
        assert {row[f"{name}-{sample}"]["_type"] for sample in ENDINGS} == {"audio-file"}
    assert len(list(folder.glob("wandb/offline-run-*/files/media/audio/audio_samples/*.wav"))) == 6


def test_files_of_long_and_of_like_names_are_apart(tmp_path):
    """Folders are a part of the file's name, and so is the speaker who is converted to."""
    keys = [f"{'s' * 200}/{'x' * 200}.wav", f"{'s' * 200}/{'x' * 201}.wav", "a/b.wav", "a-b.wav"]
    long, other = "s" * 255, "t" * 255
    corpus = SimpleNamespace(
        keys=keys,
        speakers=[long, other],
        speaker=[0] * len(keys),
        length=[9] * len(keys),
        rows=lambda split: np.arange(len(keys)),
        read=lambda row, first, count: np.zeros(count, np.int16),
    )
    model = build(small("ae"), [long, other])
    found = list(AudioSamples(str(tmp_path), num_utterances=4)._utterances(model, corpus))
    assert [each.name for each in found[2:]] == ["a-b", "a-b-2"]
    files = [f"{each.name}-{ending}.wav" for each in found for ending in each.speakers]
    for file in files:
        (tmp_path / file).touch()
    assert len(list(tmp_path.iterdir())) == len(files) == 2 * len(keys)


@pytest.mark.slow
def test_the_samples_of_an_end_by_time_are_in_the_row_of_its_validation(
    config, offline, monkeypatch
):
    def stop_after_5(self: Timer, trainer: pl.Trainer) -> None:
        trainer.should_stop = trainer.global_step >= 5

    monkeypatch.setattr(Timer, "_check_time_remaining", stop_after_5)
    settings = config("bottleneck=ae", "logger=wandb", "+trainer.max_time=00:00:00:09")
    train(settings)
    (segment,) = segments(Path(settings["run_folder"]))
    *_, last = history(segment)
    assert last["_step"] == last["trainer/global_step"] == 4
    assert {"audio_samples/seconds", "validation/metrics", "train/nll"} <= last.keys()
