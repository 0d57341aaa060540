"""The doctor warns once of what given snapshots show, with suggestions that apply to the run."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import hydra
import pytest
import pytorch_lightning as pl
from helpers.configs import BOTTLENECKS
from hydra.core.global_hydra import GlobalHydra

from wavenet_ae.config import check, plain
from wavenet_ae.training.callbacks import Doctor
from wavenet_ae.training.diagnostics import FAILURE_MODES, FailureMode, History

CONF = Path(__file__).parents[3] / "conf"
PATIENCE = 3
HEALTHY = {
    "train/nll": 3.5,
    "input/level_entropy": 5.0,
    "input/clipped_fraction": 0.001,
    "codebook/batch_perplexity": 40.0,
    "codebook/norm_ratio": 1.2,
    "vae/active_units": 20.0,
    "encoder/dead_units/layer_1": 0.0,
    "encoder/dead_units/layer_7": 0.4,
    "encoder/gradient_norm_at_bottleneck": 1e-4,
    "bottleneck/commitment": 2.0,
    "train/contrastive": 3.0,
    "train/contrastive_chance": 4.85,
    "train/contrastive_accuracy": 0.3,
    "train/masked_prediction_perplexity": 60.0,
    "train/masked_prediction_chance": 4.5,
    "updates/decoder": 1e-3,
    "validation/nll": 3.6,
    "validation/nll_increase_shuffled_codes": 0.02,
    "validation/nll_increase_shuffled_codes_bits_per_second": 230.8,
}
FAILING = {  # by the metric that shows a failure mode: what differs from HEALTHY
    "codebook/batch_perplexity": {"codebook/batch_perplexity": 2.0},
    "vae/active_units": {"vae/active_units": 3.0},
    "encoder/dead_units": {"encoder/dead_units/layer_7": 0.95},
    "encoder/gradient_norm_at_bottleneck": {"encoder/gradient_norm_at_bottleneck": 1e-12},
    "bottleneck/commitment": {"bottleneck/commitment": 25.0},
    "input/clipped_fraction": {"input/clipped_fraction": 0.03},
    "train/nll": {"train/nll": 4.95},
    "train/contrastive": {"train/contrastive": 4.82},
    "train/contrastive_accuracy": {"train/contrastive_accuracy": 0.99},
    "train/masked_prediction_perplexity": {"train/masked_prediction_perplexity": 3.0},
    "validation/nll_increase_shuffled_codes": {
        "validation/nll_increase_shuffled_codes": 0.004,
        "validation/nll_increase_shuffled_codes_bits_per_second": 46.2,
    },
}
COMMITTED = ("vqvae", "vqvae_ema", "rvq", "lfq", "simvq", "random_projection")
each_mode = pytest.mark.parametrize("mode", FAILURE_MODES, ids=lambda each: each.metric)


@cache
def config(*overrides: str) -> dict[str, Any]:
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        values = plain(hydra.compose("config", ["run_folder=unused", "name=test", *overrides]))
    check(values)
    return values


def history_of(*overrides: str) -> History:
    history = History(config(*overrides))
    set_sizes(history)
    return history


def set_sizes(history: History) -> None:
    """Sets the sizes of the only stream of codes of a small run."""
    history.possible_codes["codes"], history.vector_dims["codes"] = 64, 64


class WatchedRun:
    """A doctor, and a trainer whose logged metrics are given by hand."""

    def __init__(self, *overrides: str, watched: str = "training") -> None:
        self.doctor = Doctor(config(*overrides), PATIENCE)
        set_sizes(self.doctor.history)
        settings = {"log_every_n_steps": 1, "logger": False, "enable_checkpointing": False}
        self.trainer = pl.Trainer(accelerator="cpu", **settings)
        self.watched = watched

    def snapshot(self, metrics: dict[str, float], times: int = 1) -> None:
        """Logs `metrics` after steps that follow the warmup, `times` times."""
        steps = self.trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress
        for _ in range(times):
            steps.optimizer.step.total.completed = max(500, self.trainer.global_step + 1)
            self.trainer.callback_metrics.update(metrics)
            self.doctor._check_metrics(self.trainer, self.watched)


def bottleneck_of(mode: FailureMode) -> str:
    return "bottleneck=vae" if mode.metric.startswith("vae/") else "bottleneck=vqvae"


def watched_run_for(mode: FailureMode) -> WatchedRun:
    return WatchedRun(bottleneck_of(mode), watched=mode.watched)


def detected(log: str) -> list[str]:
    return re.findall(r"step \d+: ([a-z ]+): ", log)


@each_mode
def test_a_failure_mode_is_warned_of_once_and_after_it_has_lasted(mode, caplog):
    watched_run = watched_run_for(mode)
    watched_run.snapshot(HEALTHY, 5)
    watched_run.snapshot(FAILING[mode.metric], PATIENCE - 1)
    assert not detected(caplog.text), "too early"
    watched_run.snapshot(FAILING[mode.metric])
    assert detected(caplog.text) == [mode.name]
    watched_run.snapshot(FAILING[mode.metric], 30)
    assert detected(caplog.text) == [mode.name], "a second warning"


def test_a_run_that_fails_from_its_first_snapshot_is_given_time_too(caplog):
    watched_run = WatchedRun("bottleneck=vqvae")
    watched_run.snapshot(HEALTHY | FAILING["codebook/batch_perplexity"], PATIENCE - 1)
    assert not detected(caplog.text)
    watched_run.snapshot({})
    assert detected(caplog.text) == ["codebook collapse"]


@each_mode
def test_a_failure_mode_that_is_over_is_warned_of_when_it_returns(mode, caplog):
    caplog.set_level("INFO", "wavenet_ae")
    watched_run = watched_run_for(mode)
    watched_run.snapshot(HEALTHY)
    watched_run.snapshot(FAILING[mode.metric], PATIENCE)
    assert " is over" not in caplog.text
    watched_run.snapshot(HEALTHY, PATIENCE - 1)
    assert " is over" not in caplog.text, "too early"
    watched_run.snapshot(HEALTHY)
    assert caplog.text.count(f"{mode.name} is over") == 1
    watched_run.snapshot(FAILING[mode.metric], PATIENCE)
    assert detected(caplog.text) == [mode.name] * 2


@each_mode
def test_failing_snapshots_that_are_not_consecutive_do_not_count(mode, caplog):
    watched_run = watched_run_for(mode)
    for _ in range(PATIENCE):
        watched_run.snapshot(HEALTHY)
        watched_run.snapshot(FAILING[mode.metric], PATIENCE - 1)
    assert not detected(caplog.text)


@each_mode
@pytest.mark.parametrize("snapshots_before", [PATIENCE - 1, PATIENCE])
def test_a_resumed_doctor_continues(mode, snapshots_before, caplog):
    """Neither is a warning repeated, nor does the patience start again."""
    before, after = watched_run_for(mode), watched_run_for(mode)
    before.snapshot(HEALTHY)
    before.snapshot(FAILING[mode.metric], snapshots_before)
    after.doctor.load_state_dict(before.doctor.state_dict())
    after.snapshot(HEALTHY | FAILING[mode.metric])
    assert detected(caplog.text) == [mode.name]


def test_healthy_runs_and_runs_without_the_metrics_are_not_warned_of(caplog):
    for option in BOTTLENECKS:
        others = {key: value for key, value in HEALTHY.items() if not key.startswith("vae/")}
        for metrics in (HEALTHY if option == "vae" else others, {"train/nll": 5.5}):
            for watched in ("training", "validation"):
                WatchedRun(f"bottleneck={option}", watched=watched).snapshot(metrics, 5)
    assert not detected(caplog.text)


def test_learning_may_be_slow_during_the_warmup(caplog):
    watched_run = WatchedRun("optimizer.warmup_steps=510")
    watched_run.snapshot(HEALTHY | {"train/nll": 5.5}, 10)  # steps 500 to 509
    assert not detected(caplog.text)
    watched_run.snapshot({}, PATIENCE)
    assert detected(caplog.text) == ["stalled learning"]


def test_a_vanished_gradient_is_not_reported_where_the_decoder_does_not_learn(caplog):
    watched_run = WatchedRun()
    cut_off = FAILING["encoder/gradient_norm_at_bottleneck"]
    watched_run.snapshot(HEALTHY | cut_off | FAILING["train/nll"], PATIENCE)
    assert detected(caplog.text) == ["stalled learning"]


def present(option: str) -> list[str]:
    """Settings of a run with this bottleneck, some of which each failure mode would change."""
    weight = "objective.bottleneck.commitment_weight=0.25"
    return [f"bottleneck={option}", weight, "encoder.norm=none", "encoder.shortcut=false"]


def shown_in_a_run(mode: FailureMode, option: str) -> tuple[History, str]:
    """A run in which only this failure mode shows, and what the doctor says of it."""
    history = history_of(*present(option))
    snapshot = HEALTHY | FAILING[mode.metric] | {"step": 500.0}
    if option not in COMMITTED:
        del snapshot["bottleneck/commitment"]
    history.training.append(snapshot)
    history.validation.append(snapshot)
    return history, mode.sentence(history)


def suggestions(sentence: str) -> list[tuple[str, str, str]]:
    """Key, proposed value and present value of each setting that a sentence suggests to change."""
    return re.findall(r"(\S+)=(<[^>]*>|\S+) \(now ([^)]*)\)", sentence.removesuffix("."))


PAIRS = [
    pytest.param(mode, option, id=f"{mode.metric}-{option}")
    for mode in FAILURE_MODES
    for option in BOTTLENECKS
    if option in COMMITTED or mode.metric != "bottleneck/commitment"
]


@pytest.mark.parametrize(("mode", "option"), PAIRS)
def test_a_sentence_names_the_metric_its_value_and_settings_of_the_run(mode, option):
    history, sentence = shown_in_a_run(mode, option)
    assert "Try " in sentence
    assert ("commitment_weight" in sentence) <= (option in COMMITTED), "it is not read"
    assert ("kl_weight" in sentence) <= ("vae/" in mode.metric), "no KL is logged here"
    if mode.metric == "input/clipped_fraction":
        return  # no setting would help
    shown, value = next(iter(FAILING[mode.metric].items()))
    assert sentence.startswith(f"{mode.name}: {shown} is {value:.3g}.  {mode.meaning}")
    tried = suggestions(sentence)
    assert len(tried) == sentence.count("(now ") and len(tried) <= 3
    assert all(history.has(key) and now != proposed for key, proposed, now in tried)


@pytest.mark.parametrize("option", BOTTLENECKS)
def test_suggested_settings_are_accepted_together_and_change_the_run(option):
    """A path that the user is to fill in is quoted, since it stands in angle brackets."""
    found = [shown_in_a_run(*each.values) for each in PAIRS if each.values[1] == option]
    tried = {key: text for _, sentence in found for key, text, _ in suggestions(sentence)}
    assert len(tried) > 3
    changes = [f"{key}='{text}'" if "<" in text else f"{key}={text}" for key, text in tried.items()]
    history, changed = history_of(*present(option)), History(config(*present(option), *changes))
    assert all(changed.setting(key) != history.setting(key) for key in tried)


@pytest.mark.parametrize(
    ("metric", "option", "expected"),
    [
        (
            "codebook/batch_perplexity",
            "vqvae",
            "objective.bottleneck.commitment_weight=0.0001 (now 0.25)",
        ),
        ("codebook/batch_perplexity", "vqvae", "bottleneck.init=kmeans (now uniform)"),
        ("vae/active_units", "vae", "objective.bottleneck.kl_weight=0.1 (now 1)"),
        ("train/nll", "ae", "optimizer.decoder_learning_rate=0.0004 (now 0.004)"),
        ("input/clipped_fraction", "ae", "data=table data.path=<a table of those that are not"),
    ],
)
def test_suggested_settings(metric, option, expected):
    assert expected in sentence_of(metric, f"bottleneck={option}")


def sentence_of(metric: str, *overrides: str, **changes: float) -> str:
    uniform = ["bottleneck.init=uniform"] * ("bottleneck=vqvae" in overrides)
    (mode,) = [each for each in FAILURE_MODES if each.metric == metric]
    history = history_of(*overrides, *uniform, "objective.bottleneck.commitment_weight=0.25")
    for snapshots in (history.training, history.validation):
        snapshots.append(HEALTHY | FAILING[metric] | {"step": 500.0} | changes)
    return mode.sentence(history)


def test_one_of_several_codebooks_may_collapse():
    """The mean of 60 and 1 is no warning, the 1 is."""
    (mode,) = [each for each in FAILURE_MODES if each.metric == "codebook/batch_perplexity"]
    history = history_of("bottleneck=rvq")
    books = {f"codebook/batch_perplexity/codebook_{i}": p for i, p in ((1, 60.0), (2, 1.0))}
    history.training.extend([HEALTHY | books | {"step": 500.0}] * PATIENCE)
    assert mode.is_present(history, PATIENCE)
    assert "codebook/batch_perplexity/codebook_2 is 1." in mode.sentence(history)


@pytest.mark.parametrize(("bottom", "is_collapsed"), [(3.0, False), (2.0, True)])
def test_one_of_several_streams_may_collapse(bottom, is_collapsed):
    """A perplexity of 2 is enough for the 4 codes of one stream, and few for the 64 of another."""
    (mode,) = [each for each in FAILURE_MODES if each.metric == "codebook/batch_perplexity"]
    history = History(config("bottleneck=vqvae"))
    history.possible_codes.update(top=4, bottom=64)
    snapshot = {key: value for key, value in HEALTHY.items() if not key.startswith("codebook/")}
    streams = {"top": 2.0, "bottom": bottom}
    snapshot |= {f"codebook/batch_perplexity/{name}": value for name, value in streams.items()}
    history.training.extend([snapshot | {"step": 500.0}] * PATIENCE)
    assert mode.is_present(history, PATIENCE) == is_collapsed


def test_a_suggestion_never_revives_codes_less_often():
    settings = ("bottleneck=vqvae", "bottleneck.init=kmeans", "bottleneck.revive_after=10")
    assert "revive_after" not in sentence_of("codebook/batch_perplexity", *settings)


def test_small_updates_suggest_a_larger_learning_rate():
    assert "optimizer.learning_rate=0.0001" in sentence_of("train/nll", "bottleneck=ae")
    slow = sentence_of("train/nll", "bottleneck=ae", **{"updates/decoder": 1e-7})
    assert "optimizer.learning_rate=0.01 (now 0.001)" in slow


def test_settings_that_a_run_has_already_are_not_suggested():
    collapse = "codebook/batch_perplexity"
    assert "revive_after" in sentence_of(collapse, "bottleneck=vqvae", "bottleneck.revive_after=0")
    assert "revive_after" not in sentence_of(collapse, "bottleneck=vqvae")
    assert "revive_after" not in sentence_of(collapse, "bottleneck=fsq"), "it has no such setting"


def test_normalizing_is_suggested_where_scales_differ():
    settings = ("bottleneck=vqvae", "bottleneck.normalize=false")
    alike = sentence_of("codebook/batch_perplexity", *settings)
    apart = sentence_of("codebook/batch_perplexity", *settings, **{"codebook/norm_ratio": 15.0})
    assert "bottleneck.normalize=true" in apart and "bottleneck.normalize" not in alike
