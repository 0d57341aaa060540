"""What tells runs apart is named as a user would name it."""

from __future__ import annotations

from pathlib import Path

from helpers.summary_runs import config

from wavenet_ae.comparison.keys import (
    option_names,
    short_names,
    varied_settings,
    without_seed,
)

NAMES = option_names(Path(__file__).parents[2] / "conf")


def varied(*configs: dict) -> list[dict]:
    return varied_settings(configs, NAMES)


def test_a_part_of_another_class_is_one_key_by_its_option_s_name():
    found = varied(config("identity"), config("vqvae", seed=2), config("fsq"))
    assert found == [
        {"bottleneck": "identity", "seed": 1},
        {"bottleneck": "vqvae", "seed": 2},
        {"bottleneck": "fsq", "seed": 1},
    ]
    assert list(found[0]) == ["bottleneck", "seed"]


def test_a_key_below_it_counts_where_runs_of_the_same_class_differ():
    wide = {"codebook_size": 128}
    assert varied(config("ae"), config("vqvae"), config("vqvae", bottleneck=wide)) == [
        {"bottleneck": "ae", "bottleneck.codebook_size": None},
        {"bottleneck": "vqvae", "bottleneck.codebook_size": 64},
        {"bottleneck": "vqvae", "bottleneck.codebook_size": 128},
    ]


def test_a_class_that_several_options_share_keeps_its_own_name():
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


def test_where_a_run_lies_and_how_it_is_computed_does_not_count():
    here = config(run_folder="a", name="a", data={"cache_dir": "a"}, trainer={"devices": 2})
    assert varied(here, config()) == [{}, {}]
    assert varied(config(trainer={"max_steps": 80}), config()) == [
        {"trainer.max_steps": 80},
        {"trainer.max_steps": 40},
    ]


def test_a_part_that_is_switched_on():
    on = config(callbacks={"weight_averaging": {"_target_": "x.EMA", "decay": 0.9}})
    off = config(callbacks={"weight_averaging": None})
    assert varied(on, off) == [
        {"callbacks.weight_averaging": "EMA"},
        {"callbacks.weight_averaging": None},
    ]


def test_lists_and_runs_that_never_began():
    lists = [config("fsq", bottleneck={"levels": levels}) for levels in ([8, 8], [4, 4])]
    assert varied(*lists, {}) == [
        {"bottleneck.levels": [8, 8]},
        {"bottleneck.levels": [4, 4]},
        {},
    ]
    assert varied({}) == [{}] and varied() == []


def test_words():
    keys = ["bottleneck", "optimizer.learning_rate", "data.source.root", "data.root"]
    shown = ["bottleneck", "learning_rate", "data.source.root", "data.root"]
    assert short_names(keys) == shown
    one = without_seed({"optimizer.learning_rate": 0.1, "seed": 1})
    assert one == without_seed({"optimizer.learning_rate": 0.1, "seed": 2})
    assert one != without_seed({"optimizer.learning_rate": 0.1 + 1e-12, "seed": 1})
