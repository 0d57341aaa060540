"""The doctor names what made-up snapshots show, once, with suggestions that the run can take."""

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
    "updates/decoder": 1e-3,
    "validation/nll": 3.6,
    "validation/nll_increase_shuffled_codes": 0.02,
    "validation/nll_increase_shuffled_codes_bits_per_second": 230.8,
}
SICK = {  # by the metric that shows it: what is unlike the healthy
    "codebook/batch_perplexity": {"codebook/batch_perplexity": 2.0},
    "vae/active_units": {"vae/active_units": 3.0},
    "encoder/dead_units": {"encoder/dead_units/layer_7": 0.95},
    "encoder/gradient_norm_at_bottleneck": {"encoder/gradient_norm_at_bottleneck": 1e-12},
    "bottleneck/commitment": {"bottleneck/commitment": 25.0},
    "input/clipped_fraction": {"input/clipped_fraction": 0.03},
    "train/nll": {"train/nll": 4.95},
    "validation/nll_increase_shuffled_codes": {
        "validation/nll_increase_shuffled_codes": 0.004,
        "validation/nll_increase_shuffled_codes_bits_per_second": 46.2,
    },
}
COMMITTED = ("vqvae", "vqvae_ema", "rvq", "lfq", "simvq")
each_disease = pytest.mark.parametrize("disease", FAILURE_MODES, ids=lambda each: each.metric)


@cache
def config(*overrides: str) -> dict[str, Any]:
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        values = plain(hydra.compose("config", ["run_folder=unused", "name=test", *overrides]))
    check(values)
    return values


class Practice:
    """A doctor, and a trainer whose logged metrics are given by hand."""

    def __init__(self, *overrides: str, watched: str = "training") -> None:
        self.doctor = Doctor(config(*overrides), PATIENCE)
        self.doctor.history.possible_codes = 64
        settings = {"log_every_n_steps": 1, "logger": False, "enable_checkpointing": False}
        self.trainer = pl.Trainer(accelerator="cpu", **settings)
        self.watched = watched

    def snapshot(self, metrics: dict[str, float], times: int = 1) -> None:
        """Show `metrics` after a step that follows the warmup, so often."""
        steps = self.trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress
        for _ in range(times):
            steps.optimizer.step.total.completed = max(500, self.trainer.global_step + 1)
            self.trainer.callback_metrics.update(metrics)
            self.doctor._check_metrics(self.trainer, self.watched)


def bottleneck_of(disease: FailureMode) -> str:
    return "bottleneck=vae" if disease.metric.startswith("vae/") else "bottleneck=vqvae"


def practice_for(disease: FailureMode) -> Practice:
    return Practice(bottleneck_of(disease), watched=disease.watched)


def called(log: str) -> list[str]:
    return re.findall(r"step \d+: ([a-z ]+): ", log)


@each_disease
def test_a_disease_is_called_once_and_when_it_has_lasted(disease, caplog):
    practice = practice_for(disease)
    practice.snapshot(HEALTHY, 5)
    practice.snapshot(SICK[disease.metric], PATIENCE - 1)
    assert not called(caplog.text), "too early"
    practice.snapshot(SICK[disease.metric])
    assert called(caplog.text) == [disease.name]
    practice.snapshot(SICK[disease.metric], 30)
    assert called(caplog.text) == [disease.name], "said again"


def test_a_run_that_is_sick_from_the_first_look_on_is_given_time_as_well(caplog):
    practice = Practice("bottleneck=vqvae")
    practice.snapshot(HEALTHY | SICK["codebook/batch_perplexity"], PATIENCE - 1)
    assert not called(caplog.text)
    practice.snapshot({})
    assert called(caplog.text) == ["codebook collapse"]


@each_disease
def test_who_is_well_again_may_fall_ill_again(disease, caplog):
    caplog.set_level("INFO", "wavenet_ae")
    practice = practice_for(disease)
    practice.snapshot(HEALTHY)
    practice.snapshot(SICK[disease.metric], PATIENCE)
    assert " is over" not in caplog.text
    practice.snapshot(HEALTHY, PATIENCE - 1)
    assert " is over" not in caplog.text, "too early"
    practice.snapshot(HEALTHY)
    assert caplog.text.count(f"{disease.name} is over") == 1
    practice.snapshot(SICK[disease.metric], PATIENCE)
    assert called(caplog.text) == [disease.name] * 2


@each_disease
def test_looks_that_do_not_follow_each_other_are_no_disease(disease, caplog):
    practice = practice_for(disease)
    for _ in range(PATIENCE):
        practice.snapshot(HEALTHY)
        practice.snapshot(SICK[disease.metric], PATIENCE - 1)
    assert not called(caplog.text)


@each_disease
@pytest.mark.parametrize("looks_before", [PATIENCE - 1, PATIENCE])
def test_a_resumed_doctor_goes_on(disease, looks_before, caplog):
    """Neither is a warning repeated, nor does patience begin anew."""
    before, after = practice_for(disease), practice_for(disease)
    before.snapshot(HEALTHY)
    before.snapshot(SICK[disease.metric], looks_before)
    after.doctor.load_state_dict(before.doctor.state_dict())
    after.snapshot(HEALTHY | SICK[disease.metric])
    assert called(caplog.text) == [disease.name]


def test_the_healthy_and_those_without_figures_are_left_alone(caplog):
    for option in BOTTLENECKS:
        others = {key: value for key, value in HEALTHY.items() if not key.startswith("vae/")}
        for metrics in (HEALTHY if option == "vae" else others, {"train/nll": 5.5}):
            for watched in ("training", "validation"):
                Practice(f"bottleneck={option}", watched=watched).snapshot(metrics, 5)
    assert not called(caplog.text)


def test_learning_may_be_slow_during_the_warmup(caplog):
    practice = Practice("optimizer.warmup_steps=510")
    practice.snapshot(HEALTHY | {"train/nll": 5.5}, 10)  # steps 500 to 509
    assert not called(caplog.text)
    practice.snapshot({}, PATIENCE)
    assert called(caplog.text) == ["stalled learning"]


def test_an_encoder_without_gradient_is_not_to_blame_for_its_decoder(caplog):
    practice = Practice()
    cut_off = SICK["encoder/gradient_norm_at_bottleneck"]
    practice.snapshot(HEALTHY | cut_off | SICK["train/nll"], PATIENCE)
    assert called(caplog.text) == ["stalled learning"]


@pytest.mark.parametrize("option", BOTTLENECKS)
@each_disease
def test_a_sentence_names_figure_and_value_and_what_the_run_can_change(disease, option):
    present = [f"bottleneck={option}", "objective.bottleneck.commitment_weight=0.25"]
    present += ["encoder.batch_norm=false", "encoder.shortcut=false"]
    history = History(config(*present), possible_codes=64)
    snapshot = HEALTHY | SICK[disease.metric] | {"step": 500.0}
    if option not in COMMITTED:
        del snapshot["bottleneck/commitment"]
        if disease.metric == "bottleneck/commitment":
            return
    history.training.append(snapshot)
    history.validation.append(snapshot)
    sentence = disease.sentence(history)
    assert "Try " in sentence
    assert ("commitment_weight" in sentence) <= (option in COMMITTED), "it is not read"
    assert ("kl_weight" in sentence) <= ("vae/" in disease.metric), "no KL is logged here"
    if disease.metric == "input/clipped_fraction":
        return  # no value of this configuration would help
    shown, value = next(iter(SICK[disease.metric].items()))
    assert sentence.startswith(f"{disease.name}: {shown} is {value:.3g}.  {disease.meaning}")
    tried = re.findall(r"(\S+)=(<[^>]*>|\S+) \(now ([^)]*)\)", sentence.removesuffix("."))
    assert len(tried) == sentence.count("(now ") and len(tried) <= 3
    assert all(history.has(key) and now != proposed for key, proposed, now in tried)
    changes = [f"{key}='{text}'" if "<" in text else f"{key}={text}" for key, text, _ in tried]
    changed = History(config(*present, *changes))
    assert all(changed.setting(key) != history.setting(key) for key, *_ in tried)


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
def test_what_is_to_be_tried(metric, option, expected):
    assert expected in sentence_of(metric, f"bottleneck={option}")


def sentence_of(metric: str, *overrides: str, **changes: float) -> str:
    uniform = ["bottleneck.init=uniform"] * ("bottleneck=vqvae" in overrides)
    (disease,) = [each for each in FAILURE_MODES if each.metric == metric]
    history = History(
        config(*overrides, *uniform, "objective.bottleneck.commitment_weight=0.25"), 64
    )
    for snapshots in (history.training, history.validation):
        snapshots.append(HEALTHY | SICK[metric] | {"step": 500.0} | changes)
    return disease.sentence(history)


def test_one_of_several_codebooks_may_collapse():
    """The mean of 60 and 1 is no warning, the 1 is."""
    (disease,) = [each for each in FAILURE_MODES if each.metric == "codebook/batch_perplexity"]
    history = History(config("bottleneck=rvq"), 64)
    books = {f"codebook/batch_perplexity/codebook_{i}": p for i, p in ((1, 60.0), (2, 1.0))}
    history.training.extend([HEALTHY | books | {"step": 500.0}] * PATIENCE)
    assert disease.is_present(history, PATIENCE)
    assert "codebook/batch_perplexity/codebook_2 is 1." in disease.sentence(history)


def test_more_revival_is_not_less():
    settings = ("bottleneck=vqvae", "bottleneck.init=kmeans", "bottleneck.revive_after=10")
    assert "revive_after" not in sentence_of("codebook/batch_perplexity", *settings)


def test_what_moves_too_little_is_to_move_more():
    assert "optimizer.learning_rate=0.0001" in sentence_of("train/nll", "bottleneck=ae")
    slow = sentence_of("train/nll", "bottleneck=ae", **{"updates/decoder": 1e-7})
    assert "optimizer.learning_rate=0.01 (now 0.001)" in slow


def test_nothing_is_advised_that_a_run_has_already():
    collapse = "codebook/batch_perplexity"
    assert "revive_after" in sentence_of(collapse, "bottleneck=vqvae", "bottleneck.revive_after=0")
    assert "revive_after" not in sentence_of(collapse, "bottleneck=vqvae")
    assert "revive_after" not in sentence_of(collapse, "bottleneck=fsq"), "it has no such setting"


def test_scales_that_differ_are_brought_together_first():
    settings = ("bottleneck=vqvae", "bottleneck.normalize=false")
    alike = sentence_of("codebook/batch_perplexity", *settings)
    apart = sentence_of("codebook/batch_perplexity", *settings, **{"codebook/norm_ratio": 15.0})
    assert "bottleneck.normalize=true" in apart and "bottleneck.normalize" not in alike
