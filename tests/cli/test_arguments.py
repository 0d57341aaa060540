"""Arguments of the command line: paths as the shell passes them, and errors without a grammar."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from wavenet_ae.cli.arguments import for_hydra
from wavenet_ae.config import conf_folder
from wavenet_ae.errors import UserError
from wavenet_ae.paths import PATH_KEYS, unquoted

PATHS = (
    *("recordings ä", "./lr=0.1,seed=2", "speech (final)", "a'b", 'a"b', "a\\b", "end\\", "{x}"),
    *("2024", "1e5", "true", "null.wav", "a:b", "x#1", "日本語", "a\tb", "[half", "%20", "a,b"),
)


def value_of(argument: str):
    """What Hydra gives to the configuration."""
    return OverridesParser.create().parse_override(argument).value()


def text(value) -> str | list[str]:
    if isinstance(value, list):
        return [text(each) for each in value]
    return value.text if hasattr(value, "text") else value


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("prefix", ["", "+", "++"])
def test_a_path_is_taken_as_the_shell_passes_it(path, prefix):
    (argument,) = for_hydra([f"{prefix}data.root={path}"])
    assert text(value_of(argument)) == path
    assert for_hydra([argument]) == [argument], "a second time changes nothing"


@pytest.mark.parametrize("group", ["experiment", "sweep", "debug"])
def test_an_optional_group_that_is_null_is_left_out(group):
    assert for_hydra(["seed=1", f"{group}=null", "-m"]) == ["seed=1", "-m"]


@pytest.mark.parametrize("group", ["bottleneck", "encoder/features", "decoder/output"])
def test_null_is_no_option_of_another_group(group):
    with pytest.raises(UserError, match=f"null is no option of {group}; choose one .*leave it out"):
        for_hydra([f"{group}=null"])


def test_the_home_folder_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert text(value_of(for_hydra(["data.root=~/recordings"])[0])) == "/home/me/recordings"
    listed = for_hydra(["runs=[~/a, b (1)]"])[0]
    assert text(value_of(listed)) == ["/home/me/a", "b (1)"]


@pytest.mark.parametrize(
    "argument",
    [
        *("out=null", "data.root=???", "out='quoted (1)'", 'out="quoted"', "data.root=${oc.env:X}"),
        *("seed=1", "optimizer.learning_rate=1e-3", "-m", "--help", "~experiment", "+experiment=x"),
    ],
)
def test_other_arguments_stay_as_they_are(argument):
    assert for_hydra([argument]) == [argument]
    options = ["--config-dir", "my conf (1)", "seed=2"]
    assert for_hydra(options) == options


def test_the_value_of_an_option_of_hydra_is_no_setting():
    for action in get_args_parser()._actions:
        if action.option_strings and action.nargs is None:
            for option in action.option_strings:
                assert for_hydra([option, "job"]) == [option, "job"]


@pytest.mark.parametrize("name", ["'a'", '"a"', "'a", '"a', "[a]", "[a,b]", "${a}", "a${b", "a,b"])
@pytest.mark.parametrize("options", [[], ["-m"]])
def test_what_exists_is_meant_whatever_its_name(tmp_path, monkeypatch, name, options):
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir()
    (argument,) = for_hydra([*options, f"data.root={name}"])[len(options) :]
    config = OmegaConf.create({"root": text(value_of(argument))})
    assert config.root == name
    assert unquoted(name) == name


def test_commas_separate_the_values_of_a_sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert for_hydra(["-m", "data.root=a (1),b"])[1] == "data.root='a (1)','b'"
    assert for_hydra(["-m", "data.root=choice(a,b)"])[1] == "data.root=choice(a,b)"
    (tmp_path / "a,b").mkdir()
    assert for_hydra(["-m", "data.root=a,b"])[1] == "data.root='a,b'", "a folder of that name"


@pytest.mark.parametrize(
    "argument, message",
    [
        ("name=my run (1)", r"name is 'my run \(1\)'.*quote it twice, 'name=\"my run \(1\)\"'"),
        ("a.wav b", r"'a\.wav b' is not of the form key=value"),
        ("name=a=b", r"name is 'a=b'"),
    ],
)
def test_what_hydra_cannot_read_is_explained_without_its_grammar(argument, message):
    with pytest.raises(UserError, match=message) as caught:
        for_hydra([argument])
    assert not re.search("Lexer|mismatched|HYDRA_FULL_ERROR", str(caught.value))
    quoted = re.search(r"quote it twice, '(.*)'$", str(caught.value))
    if quoted:
        assert for_hydra([quoted[1]]) == [quoted[1]], "the advice works"


@pytest.mark.parametrize("key", ["run_folder", "hydra.run.dir", "checkpoint", "+data.root"])
def test_a_list_of_paths_is_refused_where_there_can_be_one(key):
    with pytest.raises(UserError, match=r"is \[new\], a list, but must be one path") as caught:
        for_hydra([f"{key}=[new]"])
    (quoted,) = re.findall(r"brackets, '(.*)'$", str(caught.value))
    assert text(value_of(for_hydra([quoted])[0])) == "[new]", "the advice works"


# Keys whose names or comments sound like paths, but whose values are not.
NOT_PATHS = {
    *("data.source.download", "data.source.speaker_depth", "hydra.output_subdir", "overwrite"),
    *("hydra.sweep.subdir", "suffix", "data.splits.by", "data.max_rejected"),
}
SOUNDS_LIKE_A_PATH = re.compile(r"(^|[._])(root|path|dir|folder|file|checkpoint)s?$")
IS_SAID_TO_BE_ONE = re.compile(r"# *(a|or a|or|else a)? *(folders?|file|checkpoint)\b|<folder")


def keys_of(node, path="") -> list[str]:
    found = []
    for key, value in node.items():
        name = f"{path}.{key}" if path else str(key)
        found += keys_of(value, name) if isinstance(value, dict) else [name]
    return found


def test_no_key_of_a_path_is_forgotten():
    conf = Path(conf_folder())
    files = [*conf.glob("*.yaml"), *conf.glob("data/*.yaml")]
    assert len(files) > 10
    for file in files:
        group = "" if file.parent == conf else "data"
        content = file.read_text()
        keys = keys_of(yaml.safe_load(content) or {}, group)
        sounding = {each for each in keys if SOUNDS_LIKE_A_PATH.search(each)}
        for line in content.splitlines():
            key, _, comment = line.partition(":")
            if IS_SAID_TO_BE_ONE.search(comment) and not key.startswith((" ", "#")):
                sounding.add(f"{group}.{key}" if group else key)
        assert sounding - NOT_PATHS <= PATH_KEYS, file
