"""Settings in which runs differ, by the names of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.summary_runs import config, write_run

from wavenet_ae.comparison.differences import (
    option_names,
    sample_warnings,
    short_names,
    varied_settings,
    without_seed,
)
from wavenet_ae.comparison.report import report
from wavenet_ae.comparison.results import read_results

NAMES = option_names(Path(__file__).parents[2] / "conf")


def varied(*configs: dict) -> list[dict]:
    return varied_settings(configs, NAMES)


def test_parts_of_different_classes_are_one_key_with_the_names_of_their_options():
    found = varied(config("identity"), config("vqvae", seed=2), config("fsq"))
    assert found == [
        {"bottleneck": "identity", "seed": 1},
        {"bottleneck": "vqvae", "seed": 2},
        {"bottleneck": "fsq", "seed": 1},
    ]
    assert list(found[0]) == ["bottleneck", "seed"]


def test_a_key_below_a_part_counts_if_runs_of_one_class_differ_in_it():
    wide = {"codebook_size": 128}
    assert varied(config("ae"), config("vqvae"), config("vqvae", bottleneck=wide)) == [
        {"bottleneck": "ae", "bottleneck.codebook_size": None},
        {"bottleneck": "vqvae", "bottleneck.codebook_size": 64},
        {"bottleneck": "vqvae", "bottleneck.codebook_size": 128},
    ]


def test_a_class_of_several_options_has_its_own_name():
    mfcc, mel, raw = (
        config(encoder={"_target_": "wavenet_ae.encoders.ConvolutionalEncoder", "features": each})
        if each is not None
        else config(encoder={"_target_": "wavenet_ae.encoders.FeatureEncoder"})
        for each in ({"_target_": "a.MFCC", "num_mels": 26}, {"_target_": "a.LogMel"}, None)
    )
    assert varied(mfcc, mel) == [{"encoder.features": "MFCC"}, {"encoder.features": "LogMel"}]
    assert varied(mfcc, raw) == [
        {"encoder": "ConvolutionalEncoder"},
        {"encoder": "identity"},
    ]


def test_folders_and_devices_do_not_count():
    here = config(run_folder="a", name="a", data={"cache_dir": "a"}, trainer={"devices": 2})
    assert varied(here, config()) == [{}, {}]
    assert varied(config(trainer={"max_steps": 80}), config()) == [
        {"trainer.max_steps": 80},
        {"trainer.max_steps": 40},
    ]


def test_a_part_that_only_some_runs_have():
    on = config(callbacks={"weight_averaging": {"_target_": "x.EMA", "decay": 0.9}})
    off = config(callbacks={"weight_averaging": None})
    assert varied(on, off) == [
        {"callbacks.weight_averaging": "EMA"},
        {"callbacks.weight_averaging": None},
    ]


def test_lists_and_empty_configurations():
    lists = [config("fsq", bottleneck={"levels": levels}) for levels in ([8, 8], [4, 4])]
    assert varied(*lists, {}) == [
        {"bottleneck.levels": [8, 8]},
        {"bottleneck.levels": [4, 4]},
        {},
    ]
    assert varied({}) == [{}] and varied() == []


def test_short_names_and_settings_without_the_seed():
    keys = ["bottleneck", "optimizer.learning_rate", "data.source.root", "data.root"]
    shown = ["bottleneck", "learning_rate", "data.source.root", "data.root"]
    assert short_names(keys) == shown
    one = without_seed({"optimizer.learning_rate": 0.1, "seed": 1})
    assert one == without_seed({"optimizer.learning_rate": 0.1, "seed": 2})
    assert one != without_seed({"optimizer.learning_rate": 0.1 + 1e-12, "seed": 1})


def test_different_models_on_the_same_samples_are_comparable():
    others = {"seed": 2, "optimizer": {"learning_rate": 0.1}, "trainer": {"max_steps": 7}}
    assert list(sample_warnings([config("ae"), config("vqvae", **others)])) == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"sample_rate": 16000}, "sample_rate"),
        ({"data": {"source": {"root": "elsewhere"}}}, "data.source"),
        ({"data": {"splits": {"validation": 0.2}}}, "data.splits"),
        ({"data": {"validation_seconds": 5}}, "data.validation_seconds"),
        ({"data": {"window_seconds": 5}}, "data.window_seconds"),
    ],
)
def test_a_setting_that_changes_the_samples_is_named(change, key):
    (sentence,) = sample_warnings([config(), config(**change), config()])
    assert sentence.startswith(f"{key} differs")


def test_the_report_prints_the_warning(tmp_path, capsys):
    for rate in (8000, 16000):
        write_run(tmp_path / str(rate), config(sample_rate=rate))
    report(read_results(tmp_path), tmp_path, None, "sweep")
    assert "sample_rate differs among these runs" in capsys.readouterr().out


def test_names_are_printed_as_they_are_and_are_no_markup(tmp_path, capsys):
    for name in ("a", "[red]c :smile:"):
        write_run(tmp_path / "runs" / name, config(encoder={"dim": name}))
    report(read_results(tmp_path / "runs"), tmp_path / "out[/b]", None, "sweep")
    printed = capsys.readouterr().out
    assert "[red]c :smile:" in printed
    assert "/out[/b]/sweep.csv" in printed
