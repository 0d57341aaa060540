"""From a command line to a configuration, or to words that say what is wrong with it.

Hydra's own texts advise a plus before every unknown key, which would add it and be refused later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf

from wavenet_ae.config import conf_folder
from wavenet_ae.errors import UserError, nearest
from wavenet_ae.instantiate import TARGET
from wavenet_ae.schema import named_parameters
from wavenet_ae.slots import BASES, groups, resolve_in

Compose = Callable[[Sequence[str]], DictConfig]

OF_KEY = re.compile(r"Could not override '(.+?)'")
OF_DELETED = re.compile(r"Could not delete (?:from config\. )?'(.+?)'")
OF_ADDED = re.compile(r"An item is already at '(.+?)'")
OF_OPTION = re.compile(r"Could not find '(.+?)'")
OF_VALUES = re.compile(r"Ambiguous value for argument '(.+?)'")

OWN_FOLDER = ("--config-dir", "-cd")  # of a user's YAML files
# Options of Hydra that an argument with their value follows.
WITH_VALUE = frozenset(
    {
        *("--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp"),
        *("--package", "-p", "--info", "-i", "--experimental-rerun", "--cfg", "-c"),
    }
)


def compose(config_name: str, arguments: Sequence[str]) -> DictConfig:
    """Composes a configuration of conf/ from arguments that `for_hydra` returns.

    Raises:
        HydraException: It cannot be composed.
    """
    with composing(config_name, arguments) as (composed, _):
        return composed


@contextmanager
def composing(
    config_name: str, arguments: Sequence[str]
) -> Iterator[tuple[DictConfig, ConfigLoader]]:
    """Composes a configuration like `compose`, and keeps the loader open that can compose more."""
    values, folders = split_options(arguments)
    own = ",".join(f"file://{each}" for each in folders)
    search = [f"hydra.searchpath=[{own}]"] if own else []
    with hydra.initialize_config_dir(str(conf_folder()), version_base="1.3"):
        composed = hydra.compose(config_name, [*search, *values], return_hydra_config=True)
        yield composed, GlobalHydra.instance().config_loader()


def split_options(arguments: Sequence[str]) -> tuple[list[str], list[Path]]:
    """Splits arguments into values and folders of the user's YAML files, without other options."""
    values: list[str] = []
    folders: list[Path] = []
    before = ""
    for each in arguments:
        option, _, value = each.partition("=")
        if option in OWN_FOLDER and value:
            folders.append(Path(value).expanduser().absolute())
        elif before in OWN_FOLDER:
            folders.append(Path(each).expanduser().absolute())
        elif not each.startswith("-") and before not in WITH_VALUE:
            values.append(each)
        before = each
    return values, folders


def explain(error: HydraException, arguments: Sequence[str], compose: Compose) -> str:
    """Returns what is wrong with a command line that Hydra cannot compose.

    Args:
        error: What Hydra has raised.
        arguments: The command line.
        compose: Composes other command lines of the same command.
    """
    text = str(error)
    if found := OF_VALUES.search(text):
        key, _, values = found[1].partition("=")
        return (
            f"{key} is {values!r}, several values: '{key}=[{values}]' is a list, and with -m each "
            "value is a run"
        )
    if isinstance(error, MissingConfigException) and (found := OF_OPTION.search(text)):
        group, _, option = found[1].rpartition("/")
        options = [each for each in error.options or () if each != "base"]
        return f"{group} is {option!r}, which is not an option.{accepted(option, options)}"
    if found := OF_ADDED.search(text):
        return (
            f"{found[1]} is in the configuration already: set it without the plus, {found[1]}=..."
        )
    found = OF_KEY.search(text) or OF_DELETED.search(text)
    if found is None:
        return text.strip().split("\n\n")[0]
    try:
        return _unknown_key(found[1].partition("=")[0], arguments, compose)
    except (HydraException, UserError):  # something else is wrong, too
        return f"{found[1]} is not a key of the configuration; --help lists the keys"


def accepted(name: str, names: Sequence[str]) -> str:
    """Returns the name that is nearest to an unknown one, and all that would be accepted."""
    hint = nearest(name, names)
    hint = hint if hint.startswith(" Did") else ""
    return f"{hint} There are: {', '.join(sorted(names))}." if names else ""


def _unknown_key(key: str, arguments: Sequence[str], compose: Compose) -> str:
    others = [each for each in arguments if _key_of(each) != key and not each.startswith("-")]
    config = OmegaConf.to_container(_without(others, compose), resolve=False)
    assert isinstance(config, dict)
    node: Any = config
    above: list[str] = []
    for name in key.split("."):
        if not isinstance(node, Mapping):
            return f"{key}: {'.'.join(above)} is {node!r}, which has no keys"
        if name not in node:
            return _unknown_name(name, ".".join(above), node, key)
        above.append(name)
        node = node[name]
    return f"{key} is a key, but not a group of options: set a value, {key}=..."


def _without(arguments: Sequence[str], compose: Compose) -> DictConfig:
    """Composes a command line, or what of it chooses options, where more is wrong."""
    try:
        return compose(arguments)
    except HydraException:
        return compose([each for each in arguments if "." not in _key_of(each)])


def _key_of(argument: str) -> str:
    return argument.lstrip("+~").partition("=")[0]


def _unknown_name(name: str, above: str, node: Mapping[str, Any], key: str) -> str:
    names = [str(each) for each in node if each not in (TARGET, "hydra")]
    path, where = (f"{above}.{name}", above) if above else (name, "the configuration")
    if not nearest(name, names).startswith(" Did") and name in _parameters(above, node):
        return f"{path} has no value in the configuration: add one with a plus, +{key}=..."
    return f"{path} is not a key of {where}.{accepted(name, names)}"


def _parameters(above: str, node: Mapping[str, Any]) -> set[str]:
    """Returns what the target of a node accepts beyond what its YAML sets."""
    group = above.partition(".")[0]
    if TARGET not in node or not (group in BASES or group in groups()) or "." in above:
        return set()
    return set(named_parameters(resolve_in(group, node[TARGET])))
