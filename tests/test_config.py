"""The check of a whole configuration: all of its mistakes are named before any work."""

from __future__ import annotations

import pytest
from helpers.composed import compose

from wavenet_ae.config import check
from wavenet_ae.errors import UserError
from wavenet_ae.training.preflight import check_sizes


def test_a_window_is_a_whole_number_of_hops():
    with pytest.raises(UserError, match=r"0\.11, .* multiple of .* 0\.02 s .*: 0\.1 or 0\.12"):
        check_sizes(compose("data.window_seconds=0.11"))


def test_a_part_that_the_model_does_not_have_is_refused():
    with pytest.raises(UserError, match=r"bottleneck is set, but .*LanguageModel has none"):
        check(compose("model=wavenet", "bottleneck=vqvae"))
    with pytest.raises(UserError, match=r"encoder is null, but WaveformAutoencoder needs one"):
        check(compose("~encoder"))


def test_all_problems_are_reported_at_once():
    config = compose()
    config["decoder"]["gates"] = 3
    config["encoder"]["kernels"] = ["a"]
    del config["data"]["source"]
    with pytest.raises(UserError) as error:
        check(config)
    text = str(error.value)
    assert "for 3 reasons" in text
    assert "decoder.gates is not known. Did you mean 'gate'?" in text
    assert "encoder.kernels is ['a'], but must be a list, each item a whole number" in text
    assert "data.source is missing" in text


def test_nested_nodes_are_checked():
    config = compose()
    config["encoder"]["features"]["num_mel"] = 3
    with pytest.raises(UserError, match=r"encoder\.features\.num_mel is not known.*num_mels"):
        check(config)


def test_a_collection_s_nodes_are_checked():
    config = compose("logger=wandb")
    config["logger"]["wandb"]["projekt"] = "x"
    with pytest.raises(UserError, match=r"logger\.wandb\.projekt is not known.*project"):
        check(config)


def test_what_the_program_sets_may_not_be_given():
    config = compose()
    config["trainer"]["max_epochs"] = 3
    with pytest.raises(UserError, match=r"trainer\.max_epochs is set by the program"):
        check(config)


def test_bounds_reach_through_constructors():
    config = compose("bottleneck=vqvae_ema")
    config["encoder"]["features"]["num_mels"] = 0
    config["encoder"]["strides"] = [1, 0]
    config["bottleneck"]["decay"] = 1.0
    with pytest.raises(UserError) as error:
        check(config)
    text = str(error.value)
    assert "encoder.features.num_mels is 0, but must be a whole number of at least 1" in text
    assert "encoder.strides is [1, 0], but must be a list, each item a whole number of" in text
    assert "bottleneck.decay is 1.0, but must be a number above 0 and below 1" in text


def test_an_init_that_needs_no_encoder_needs_no_callback():
    free = ["bottleneck.init=uniform", "bottleneck.start_after=0"]
    check(compose("callbacks.codebook_init=null", *free))
    check(compose("callbacks.codebook_init=null", "bottleneck=vae"))


@pytest.mark.parametrize(
    "bottleneck, named",
    [
        ("rvq", "bottleneck.init=uniform and bottleneck.start_after=0"),
        ("lfq", "set bottleneck.start_after=0"),
    ],
)
def test_what_waits_for_its_start_needs_the_callback(bottleneck, named):
    config = compose("callbacks.codebook_init=null", f"bottleneck={bottleneck}")
    config["bottleneck"].pop("init", None)  # the constructor's own counts
    config["bottleneck"]["start_after"] = 7
    with pytest.raises(UserError, match=rf"nothing would initialize the codebook.*{named}"):
        check(config)


def test_a_run_without_end_quantizes_some_day():
    check(compose("trainer.max_steps=-1", "bottleneck.start_after=100000"))


def test_upsampling_may_leave_all_to_the_decoder_s_hold():
    config = compose("model.upsampling.strides=[]", "model.upsampling.kernels=[]")
    check(config)
    check_sizes(config)


def test_a_run_that_saves_nothing_is_refused():
    with pytest.raises(UserError, match=r"callbacks\.checkpoints is null: nothing would be saved"):
        check(compose("callbacks.checkpoints=null"))


def test_an_objective_without_a_criterion_is_refused_before_any_work():
    with pytest.raises(UserError, match=r"objective cannot be used: .*choose objective=rec"):
        check(compose("objective.reconstruction=null"))


@pytest.mark.parametrize("key", ["data.cache_dir", "data.source.root"])
def test_home_is_asked_for_only_where_no_cache_is_named(key, monkeypatch, tmp_path):
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("WAVENET_AE_CACHE", str(tmp_path))
    *above, name = key.split(".")
    node = compose()
    for each in above:
        node = node[each]
    assert node[name].startswith(f"{tmp_path}/")
    monkeypatch.delenv("WAVENET_AE_CACHE")
    with pytest.raises(UserError, match=r"^data\.cache_dir: .*set WAVENET_AE_CACHE \(or HOME\)$"):
        compose()
    monkeypatch.setenv("HOME", "/home/ann")
    assert compose()["data"]["cache_dir"] == "/home/ann/.cache/wavenet_ae/packed"


def test_a_share_of_the_run_is_a_number_of_steps():
    given = ["bottleneck.start_after=0.45", "trainer.max_steps=1001"]
    assert compose(*given)["bottleneck"]["start_after"] == 450
    check(compose(*given))
    with pytest.raises(UserError, match=r"start_after is 0\.4, a share of trainer\.max_steps, but"):
        compose("bottleneck.start_after=0.4", "trainer.max_steps=-1")
    with pytest.raises(UserError, match=r"start_after is 1\.5, but must be a whole number"):
        check(compose("bottleneck.start_after=1.5"))
