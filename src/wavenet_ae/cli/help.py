"""What `wavenet-ae COMMAND --help` prints: examples, groups, and keys with their comments.

The comments are those of the YAML files in conf/, which explain each key where it has its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from wavenet_ae.composition import compose, explain, split_options
from wavenet_ae.config import conf_folder
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import TARGET

HELP = ("-h", "--help")
COMMENT_COLUMN = 32
LINE = re.compile(r"( *)([\w/@-]+): ?(.*)")
COMMENT = re.compile(r"(?:^|\s)#\s*(.*)$")


@dataclass(frozen=True)
class _Comment:
    """Comment of a key: what stands beside it, and the lines above it."""

    beside: str = ""
    above: Sequence[str] = ()


NO_COMMENT = _Comment()


@dataclass(frozen=True)
class HelpPage:
    """What the help of a command shows.

    Args:
        config_name: Primary configuration of the command in conf/.
        text: What the command does, and examples.
        groups: Groups whose keys are shown; None for all of the configuration.
        keys: Keys at the top that are shown; None for all.
        folded: Groups of which only the name is shown.
    """

    config_name: str
    text: str
    groups: Sequence[str] | None = None
    keys: Sequence[str] | None = None
    folded: Sequence[str] = ()

    def render(self, arguments: Sequence[str]) -> str:
        """Returns the page of the configuration that the arguments compose.

        Args:
            arguments: `GROUP=OPTION` and `KEY=VALUE` of the command line, and `--config-dir`.

        Raises:
            UserError: They do not compose.
        """
        config, choices = _composed(self.config_name, arguments)
        folders = [*split_options(arguments)[1], conf_folder()]
        parts = [self.text.strip()]
        listed = {name: each for name, each in choices.items() if self._has_group(name)}
        if listed:
            parts.append(_group_table(listed, folders))
        comments = _comments(folders, self.config_name, choices)
        top = {name: each for name, each in config.items() if self._has_key(str(name), choices)}
        parts.append("\n".join(_rows(top, comments)).strip("\n"))
        return "\n\n".join(each for each in parts if each)

    def _has_group(self, name: str) -> bool:
        return self.groups is None or name.partition("/")[0] in self.groups

    def _has_key(self, name: str, choices: Mapping[str, Any]) -> bool:
        if name in self.folded:
            return False
        if name in choices:
            return self._has_group(name)
        return self.keys is None or name in self.keys


def _composed(config_name: str, arguments: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Composes a configuration; returns its values, not resolved, and the option of each group."""
    composing = partial(compose, config_name)
    try:
        config = composing(arguments)
    except HydraException as error:
        raise UserError(explain(error, arguments, composing)) from None
    choices = {
        str(name): each
        for name, each in reversed(config.hydra.runtime.choices.items())  # as in the file
        if not str(name).startswith("hydra") and not str(name).startswith("debug/")
    }
    values = OmegaConf.to_container(_without_hydra(config), resolve=False)
    assert isinstance(values, dict)
    return {str(key): each for key, each in values.items()}, choices


def _without_hydra(config: DictConfig) -> DictConfig:
    return OmegaConf.masked_copy(config, [str(each) for each in config if each != "hydra"])


def _group_table(choices: Mapping[str, Any], folders: Sequence[Path]) -> str:
    """Lists the options of each group, the chosen one in brackets."""
    rows = []
    for name, chosen in choices.items():
        named = chosen if isinstance(chosen, list) else [chosen]
        options = _options(name.partition("@")[0], folders)
        shown = [f"[{each}]" if each in named else each for each in options]
        rows.append(f"  {name:22} {' '.join(shown)}")
    return "\n".join(["GROUP=OPTION, those in brackets now:", *rows])


def _options(group: str, folders: Sequence[Path]) -> list[str]:
    found = {each.stem for folder in folders for each in (folder / group).glob("*.yaml")}
    return sorted(found - {"base"})


def _comments(
    folders: Sequence[Path], config_name: str, choices: Mapping[str, Any]
) -> dict[str, _Comment]:
    """Returns comments by the dotted key that they explain."""
    found: dict[str, _Comment] = {}
    for folder in folders:
        for group, chosen in choices.items():
            path, _, package = group.partition("@")
            for option in chosen if isinstance(chosen, list) else [chosen]:
                for file in _chain(folder / path / f"{option}.yaml"):
                    for key, comment in _comments_of(file, (package or path).replace("/", ".")):
                        found.setdefault(key, comment)
        for file in _chain(folder / f"{config_name}.yaml"):
            for key, comment in _comments_of(file, ""):
                found.setdefault(key, comment)
    return found


def _chain(file: Path) -> Iterator[Path]:
    """Yields the file of an option and those beside it that it is based on."""
    if not file.is_file():
        return
    yield file
    content = yaml.safe_load(file.read_text()) or {}
    for each in content.get("defaults", []):
        if isinstance(each, str) and each != "_self_":
            yield from _chain(file.with_name(f"{each}.yaml"))


def _comments_of(file: Path, package: str) -> Iterator[tuple[str, _Comment]]:
    """Yields the dotted keys of a YAML file that have a comment, on their line or above it.

    What stands above the first key of an option explains the group's own key.
    """
    text = file.read_text()
    prefix = "" if "@package _global_" in text else package
    open_keys: list[tuple[int, str]] = []  # with their indentation
    above: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            above += [line.strip()] if "@package" not in line else []
            continue
        found = LINE.fullmatch(line)
        if found is None:
            above = []
            continue
        open_keys = [each for each in open_keys if each[0] < len(found[1])]
        open_keys.append((len(found[1]), found[2]))
        key = ".".join([prefix, *(each for _, each in open_keys)]).removeprefix(".")
        beside = COMMENT.search(found[3])
        if found[2] in (TARGET, "defaults") and package and above:
            yield package, _Comment(beside=above[0].removeprefix("# "))
        elif beside or above:
            yield key, _Comment(beside[1] if beside else "", above)
        above = []


def _rows(
    node: Mapping[str, Any], comments: Mapping[str, _Comment], path: str = ""
) -> Iterator[str]:
    """Yields a line for each key, as YAML, with its comment."""
    indent = "  " * (path.count(".") + 1) if path else ""
    for name, value in node.items():
        key = f"{path}.{name}" if path else str(name)
        if name == TARGET:
            continue
        is_open = isinstance(value, Mapping) and bool(set(value) - {TARGET})
        comment = comments.get(key, NO_COMMENT)
        if not path and (is_open or comment.above):
            yield ""
        yield from (f"{indent}{each}" for each in comment.above)
        line = f"{indent}{name}:" + ("" if is_open else f" {_text(value)}")
        yield f"{line:{COMMENT_COLUMN}}  # {comment.beside}" if comment.beside else line
        if is_open:
            yield from _rows(value, comments, key)


def _text(value: Any) -> str:
    """Returns a value as YAML on one line."""
    if isinstance(value, Mapping):
        return "{}"
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("\n...\n").strip()
