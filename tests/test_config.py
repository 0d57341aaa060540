"""Every YAML in conf/ composes, passes the check and builds; mistakes are named."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import hydra
import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra

from wavenet_ae.config import check, plain
from wavenet_ae.errors import UserError
from wavenet_ae.resume import resumed
from wavenet_ae.runs import RunFolder
from wavenet_ae.schema import (
    Fraction01,
    NonNegative,
    NonNegativeNumber,
    Positive,
    PositiveNumber,
    accepts,
    describe,
    parameter_types,
)
from wavenet_ae.training.preflight import check_sizes

CONF = Path(__file__).parents[1] / "conf"
OPTIONS = sorted(
    (path.parent.name, path.stem)
    for path in CONF.glob("*/*.yaml")
    if path.stem != "base" and path.parent.name != "panels"  # those are of the dashboard
)
OPTIONS += [("decoder/output", path.stem) for path in CONF.glob("decoder/output/*.yaml")]
OPTIONS += sorted(
    ("experiment", f"{path.parent.name}/{path.stem}")
    for path in CONF.glob("experiment/*/*.yaml")
    if path.stem != "base"
)
SWEEPS = [*sorted(CONF.glob("sweep/*.yaml")), CONF / "experiment" / "compare_bottlenecks.yaml"]
CORPORA = ("librispeech", "libritts", "vctk", "ljspeech", "speechcommands")


def has_own_recordings(group: str, option: str) -> bool:
    """Whether an experiment, or the first of a sweep, is on recordings that a user names."""
    content = yaml.safe_load((CONF / group / f"{option}.yaml").read_text())
    first = params(content).get("experiment", "").split(",")[0]
    if first:
        return has_own_recordings("experiment", first)
    for each in content.get("defaults", []):
        if isinstance(each, str) and each.startswith("/experiment/"):
            if has_own_recordings("experiment", each.removeprefix("/experiment/")):
                return True
        elif isinstance(each, dict) and each.get("override /data", "toy") != "toy":
            return True
    return False


def params(sweep: dict[str, Any]) -> dict[str, str]:
    """What a sweep varies, if it is a grid."""
    node = sweep.get("hydra", {}).get("sweeper", {})
    return {} if "num_trials" in node else node.get("params", {})


NEEDED = {
    ("data", "table"): ["data.path=somewhere.tsv"],
    ("target", "pcm"): ["decoder/output=mixture_of_logistics"],
    ("decoder/output", "mixture_of_logistics"): ["target=pcm"],
    **{
        (group, option): ["data.root=somewhere"]
        for group, option in OPTIONS
        if group == "experiment" and has_own_recordings(group, option)
    },
    **{("data", option): ["data.root=somewhere"] for option in ("folder", *CORPORA)},
}
PLACE = ["run_folder=unused", "name=test"]


def compose(*overrides: str, config_name: str = "config") -> dict[str, Any]:
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return plain(hydra.compose(config_name, [*PLACE, *overrides]))


@pytest.mark.parametrize("group, option", OPTIONS)
def test_every_option_composes_checks_and_builds(group, option):
    config = compose(f"{group}={option}", *NEEDED.get((group, option), []))
    check(config)
    check_sizes(config)


@pytest.mark.parametrize(
    "options",
    [
        *([f"bottleneck={path.stem}"] for path in sorted(CONF.glob("bottleneck/*.yaml"))),
        ["model=wavenet"],
        ["experiment=half_length"],
        ["experiment=collapse/all_remedies", "bottleneck=vqvae"],
    ],
    ids=lambda options: options[-1],
)
def test_a_smoke_run_of_anything_needs_nothing_else_and_quantizes(options):
    config = compose("debug=smoke", *options)
    check(config)
    assert config["trainer"]["max_steps"] == 20
    assert (config.get("bottleneck") or {}).get("start_after", 8) == 8


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_run_of_a_sweep_passes_the_check(path):
    """All combinations of what it varies, each with the first seed."""
    group, option = path.parent.name, path.stem
    varied = {
        key: [each.strip() for each in str(values).split(",")]
        for key, values in params(yaml.safe_load(path.read_text())).items()
    }
    varied["seed"] = varied.get("seed", ["1"])[:1]
    needed = ["data.root=somewhere"] if has_own_recordings(group, option) else []
    for values in itertools.product(*varied.values()):
        own = [f"{key}={value}" for key, value in zip(varied, values, strict=True)]
        check(compose(f"{group}={option}", *own, *needed))


@pytest.mark.parametrize("folder", ["collapse", "codes", "codes_speech"])
def test_a_sweep_of_conditions_has_all_of_them_each_with_its_name(folder):
    sweep = yaml.safe_load((CONF / "sweep" / f"{folder}.yaml").read_text())
    swept = {each.strip() for each in params(sweep)["experiment"].split(",")}
    there = {path.stem: path for path in (CONF / "experiment" / folder).glob("*.yaml")}
    assert swept == {f"{folder}/{name}" for name in there}
    for name, path in there.items():
        assert yaml.safe_load(path.read_text())["name"] == name


def test_prepare_composes():
    check(compose(config_name="prepare"))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000])
@pytest.mark.parametrize("model", ["autoencoder", "wavenet", "mfcc_inverter"])
def test_another_rate_needs_nothing_but_the_rate(rate, model):
    check_sizes(compose(f"sample_rate={rate}", f"model={model}"))


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


@pytest.mark.parametrize(
    "value, annotation, fits",
    [
        (3, int, True),
        (True, int, False),
        (3, float, True),
        (3.5, int, False),
        ("x", str, True),
        (None, int | None, True),
        (None, int, False),
        ([1, 2], Sequence[int], True),
        ([1, "x"], Sequence[int], False),
        ("12", Sequence[int], False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (3, Path, False),
        (1, Positive, True),
        (0, Positive, False),
        (1.5, Positive, False),
        (0, NonNegative | None, True),
        (-1, NonNegative | None, False),
        ([], Sequence[Positive], True),
        ([3, 0], Sequence[Positive], False),
        (1, Fraction01, True),
        (1.01, Fraction01, False),
        (0, PositiveNumber, False),
        (float("nan"), NonNegativeNumber, False),
        (float("inf"), NonNegativeNumber, False),
        (-1, Positive | Literal[-1], True),
        (3, Annotated[int, "what another library says"], True),
    ],
)
def test_values_fit_annotations(value, annotation, fits):
    assert accepts(value, annotation) is fits
    assert describe(annotation)


@pytest.mark.parametrize(
    "annotation, words",
    [
        (Positive, "a whole number of at least 1"),
        (NonNegative | None, "a whole number of at least 0 or null"),
        (Fraction01, "a number of at least 0 and of at most 1"),
        (Sequence[Positive], "a list, each item a whole number of at least 1"),
        (Positive | Literal[-1], "a whole number of at least 1 or -1"),
    ],
)
def test_bounds_in_words(annotation, words):
    assert describe(annotation) == words


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


def test_star_arguments_hide_no_typos():
    def target(width: int, **others: int) -> None: ...

    assert list(parameter_types(target)) == ["width"]


def run_folder(tmp_path: Path) -> Path:
    config = compose()
    RunFolder(tmp_path).config.write_text(yaml.safe_dump(config))
    return tmp_path


def test_a_resume_takes_the_run_s_own_configuration(tmp_path):
    folder = run_folder(tmp_path)
    config = resumed(["trainer.max_steps=9000", f"resume={folder}", "callbacks.checkpoints.keep=5"])
    check(config)
    assert config["run_folder"] == str(folder)
    assert config["trainer"]["max_steps"] == 9000
    assert config["callbacks"]["checkpoints"]["keep"] == 5


@pytest.mark.parametrize("change", ["seed=2", "decoder.gate=8", "bottleneck=vae", "data.limit=3"])
def test_a_resume_refuses_what_would_make_another_run(tmp_path, change):
    folder = run_folder(tmp_path)
    with pytest.raises(UserError, match=rf"{change.split('=')[0]} cannot be changed by a resume"):
        resumed([f"resume={folder}", change])


def test_a_refused_resume_names_every_key_that_was_given_and_how_to_keep_the_weights(tmp_path):
    folder = run_folder(tmp_path)
    with pytest.raises(UserError) as refused:
        resumed([f"resume={folder}", "seed=2", "trainer.max_steps=7", "data.batch_size=4"])
    text = str(refused.value)
    assert text.startswith("seed, data.batch_size cannot be changed by a resume")
    assert f"init_from={folder / 'checkpoints' / 'best.ckpt'}" in text
    with pytest.raises(UserError, match=r"data\.root \(its place in a run is data\.source\.root\)"):
        resumed([f"resume={folder}", "data.root=/elsewhere"])


def test_a_resume_of_what_is_no_run_folder_says_what_it_is(tmp_path):
    run = RunFolder(run_folder(tmp_path))
    run.checkpoints.mkdir()
    for file in (run.config, run.best_checkpoint):
        file.touch()
        with pytest.raises(UserError, match=rf"is a file, not the folder .*resume={tmp_path}$"):
            resumed([f"resume={file}"])
    for folder, text in (
        (run.checkpoints, "there is no config.yaml in it"),
        (tmp_path / "x", "no such folder"),
    ):
        with pytest.raises(UserError, match=text):
            resumed([f"resume={folder}"])


def test_a_resume_finds_a_corpus_that_has_moved(tmp_path):
    config = resumed(["data.source.root=/elsewhere", f"resume={run_folder(tmp_path)}"])
    assert config["data"]["source"]["root"] == "/elsewhere"


@pytest.mark.parametrize("content", ["a: [1", "- a list", "a: \xff"])
def test_a_resume_of_a_damaged_configuration_is_refused(tmp_path, content):
    RunFolder(tmp_path).config.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"config\.yaml (cannot be read|is not a c|is not UTF-8)"):
        resumed([f"resume={tmp_path}"])


def test_a_resume_refuses_a_value_that_is_no_yaml(tmp_path):
    folder = run_folder(tmp_path)
    with pytest.raises(UserError, match=r"trainer\.devices=\[1: the value cannot be read"):
        resumed([f"resume={folder}", "trainer.devices=[1"])


def test_one_run_is_resumed_at_a_time(tmp_path):
    with pytest.raises(UserError, match="one run can be resumed at a time"):
        resumed(["resume=a", "resume=b"])


def test_a_resume_needs_key_and_value(tmp_path):
    folder = run_folder(tmp_path)
    with pytest.raises(UserError, match="not of the form key=value"):
        resumed([f"resume={folder}", "trainer.max_steps"])


def test_an_objective_without_a_criterion_is_refused_before_any_work():
    with pytest.raises(UserError, match=r"objective cannot be used: .*objective\.reconstruction"):
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
