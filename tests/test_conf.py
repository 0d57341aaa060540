"""Every YAML in conf/ composes, passes the check and builds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import yaml
from helpers.composed import CONF, compose

from wavenet_ae.config import check
from wavenet_ae.instantiate import resolve
from wavenet_ae.training.preflight import check_sizes

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


# Encoders whose weights check_sizes loads: see tests/training/test_pretrained_encoders.py.
LOADED = (("encoder", "pretrained"), ("encoder", "wav2vec2"))
NEEDED = {
    ("encoder", "pretrained"): ["encoder.checkpoint=somewhere.ckpt"],
    ("encoder", "wav2vec2"): ["sample_rate=16000"],
    ("model", "representation"): ["objective=contrastive"],
    ("objective", "masked_prediction"): [
        *("model=representation", "objective.masked_prediction.targets=clusters.npz"),
    ],
    ("data", "table"): ["data.path=somewhere.tsv"],
    ("target", "pcm"): ["decoder/output=mixture_of_logistics"],
    ("decoder/output", "mixture_of_logistics"): ["target=pcm"],
    ("target", "log_mel"): ["model=spectrogram"],
    ("target", "discretized_mel"): ["model=spectrogram", "decoder=frame_rnn"],
    ("decoder", "frame_conv"): ["model=spectrogram"],
    ("decoder", "frame_rnn"): ["model=spectrogram", "target=discretized_mel"],
    ("decoder/output", "gaussian"): ["model=spectrogram"],
    ("decoder/output", "mixture_of_gaussians"): ["model=spectrogram"],
    **{
        (group, option): ["data.root=somewhere"]
        for group, option in OPTIONS
        if group == "experiment" and has_own_recordings(group, option)
    },
    **{("data", option): ["data.root=somewhere"] for option in ("folder", *CORPORA)},
}


@pytest.mark.parametrize("group, option", OPTIONS)
def test_every_option_composes_checks_and_builds(group, option):
    config = compose(f"{group}={option}", *NEEDED.get((group, option), []))
    check(config)
    if (group, option) not in LOADED:
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
    assert (config.get("bottleneck") or {}).get("start_after", 8) <= 8


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


def nodes_of(content: Any) -> Iterator[dict[str, Any]]:
    """All nodes with a class of this package, at any depth."""
    if isinstance(content, dict):
        if str(content.get("_target_", "")).startswith("wavenet_ae."):
            yield content
        for each in content.values():
            yield from nodes_of(each)


def test_every_choice_of_a_setting_is_named_in_the_yaml_that_sets_it():
    seen = 0
    for path in sorted(CONF.glob("**/*.yaml")):
        text = path.read_text()
        for node in nodes_of(yaml.safe_load(text)):
            kinds = get_type_hints(resolve(node["_target_"], object).__init__)
            for name in node.keys() & kinds.keys():
                if get_origin(kinds[name]) is Literal:
                    seen += 1
                    missing = [each for each in get_args(kinds[name]) if each not in text]
                    assert not missing, f"{path}: {name} has also {missing}"
    assert seen > 10


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_a_sweep_can_be_tried_out_in_twenty_steps(path):
    group, option = path.parent.name, path.stem
    varied = params(yaml.safe_load(path.read_text())).items()
    first = [f"{key}={str(values).split(',')[0].strip()}" for key, values in varied]
    needed = ["data.root=somewhere"] if has_own_recordings(group, option) else []
    config = compose(f"{group}={option}", *first, *needed, "debug=smoke")
    check(config)
    assert config["trainer"]["max_steps"] == 20


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
@pytest.mark.parametrize(
    "model", ["autoencoder", "wavenet", "mfcc_inverter", "spectrogram", "hierarchical"]
)
def test_another_rate_needs_nothing_but_the_rate(rate, model):
    check_sizes(compose(f"sample_rate={rate}", f"model={model}"))
