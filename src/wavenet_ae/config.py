"""Pre-flight check that finds every mistake in a configuration at once, before any work.

Hydra rejects unknown options and keys on the command line. What it lets through (a misspelled key
in an experiment file, `+key=...`, `???` left unset, a wrong type) is caught here, by binding each
node to the signature of its target: the constructor is the schema.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.schema import (
    NonNegative,
    Positive,
    SampleRate,
    accepts,
    describe,
    named_parameters,
)
from wavenet_ae.slots import (
    OPTIONAL_PARTS,
    REFERRED,
    group_problems,
    groups,
    node_of,
    resolve_in,
    takes_part,
    target_of,
)
from wavenet_ae.storage import cache_folder

VALUES: dict[str, Any] = {
    "seed": NonNegative,
    "sample_rate": SampleRate,
    "name": str,
    "validate_every_n_steps": Positive,
    "run_folder": str,
    "compile": bool,
    "init_from": str | None,
    "stages": Mapping[str, Any] | None,
}
# Settings of a bottleneck that quantizes from the first step, without a callback to initialize it.
NO_START: dict[str, Any] = {"init": "uniform", "start_after": 0}
# How OmegaConf begins the text of a UserError that a resolver raises.
OF_RESOLVER = "UserError raised while resolving interpolation: "
OmegaConf.register_new_resolver("cache_folder", lambda: str(cache_folder()), replace=True)


def conf_folder() -> Path:
    """Returns the folder of the YAML files: inside the wheel, or at the root of a checkout."""
    inside = Path(__file__).with_name("conf")
    return inside if inside.is_dir() else Path(__file__).parents[2] / "conf"


def plain(config: DictConfig) -> dict[str, Any]:
    """Converts a composed configuration to plain values, interpolations resolved.

    Args:
        config: Configuration composed by Hydra.

    Raises:
        UserError: If a mandatory value (`???`) is not set, or an interpolation fails.
    """
    raw = OmegaConf.to_container(config, resolve=False)
    missing = [f"{key} is not set: set {key}=..." for key in _missing_keys(raw)]
    if missing:
        raise UserError(report(missing))
    try:
        values = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        reason = str(error).split("\n")[0]
        if reason.startswith(OF_RESOLVER):
            raise UserError(f"{error.full_key}: {reason.removeprefix(OF_RESOLVER)}") from None
        raise UserError(f"the configuration does not resolve: {error}") from None
    assert isinstance(values, dict)
    for key in REFERRED:
        group, _, name = key.partition(".")
        if _refers(raw, key):
            values[group].pop(name, None)
    _resolve_start(values)
    return {str(key): value for key, value in values.items()}


def _resolve_start(values: dict[Any, Any]) -> None:
    """Makes a number of steps of each `start_after` that is a share of the run, in place.

    So a run keeps the step, also where a resume prolongs it.
    """
    last = node_of(values, "trainer").get("max_steps")
    for key, bottleneck in _bottlenecks(values):
        start = bottleneck.get("start_after")
        if not isinstance(start, float) or not 0 < start < 1:
            continue
        if not accepts(last, Positive):
            raise UserError(
                f"{key}.start_after is {start}, a share of trainer.max_steps, but that is "
                f"{last!r}: set a number of steps"
            )
        assert isinstance(last, int)
        bottleneck["start_after"] = round(start * last)


def plain_of_composed(composed: DictConfig, run_folder: Path) -> dict[str, Any]:
    """Converts a configuration that Hydra's loader has composed, with a node of Hydra's own.

    Args:
        composed: Configuration with the node `hydra`, to which `${hydra:...}` refers; changed.
        run_folder: Folder of its run, which Hydra would name by the time.

    Raises:
        UserError: As `plain` does.
    """
    before = HydraConfig.instance().cfg
    try:
        HydraConfig.instance().set_config(composed)
        with open_dict(composed):
            del composed["hydra"]
            composed.run_folder = str(run_folder)
        return plain(composed)
    finally:
        HydraConfig.instance().cfg = before


def _refers(node: Any, key: str) -> bool:
    """Returns whether a value somewhere in an unresolved configuration interpolates `key`."""
    if isinstance(node, Mapping):
        return any(_refers(each, key) for each in node.values())
    return isinstance(node, str) and f"${{{key}}}" in node


def _missing_keys(node: Any, path: str = "") -> Iterator[str]:
    """Keys whose value is the mandatory `???`."""
    if node == "???":
        yield path
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _missing_keys(value, f"{path}.{key}" if path else str(key))


def check(config: Mapping[str, Any]) -> None:
    """Checks a plain configuration against the signatures of its targets.

    Args:
        config: Configuration as `plain` returns it.

    Raises:
        UserError: If there is any problem; the text lists all of them.
    """
    problems = [
        *_top_level_problems(config),
        *group_problems(config, groups()),
        *_quantizing_problems(config),
        *_saving_problems(config),
        *_batch_problems(config),
        *_criterion_problems(config),
    ]
    if problems:
        raise UserError(report(problems))


def report(problems: list[str]) -> str:
    """Returns the text of an error that lists problems; a single one stays on one line."""
    if len(problems) == 1:
        return f"The configuration cannot be used: {problems[0]}"
    listed = "\n".join(f"  - {problem}" for problem in problems)
    return f"The configuration cannot be used, for {len(problems)} reasons:\n{listed}"


def _top_level_problems(config: Mapping[str, Any]) -> Iterator[str]:
    known = [*groups(), *VALUES]
    for key in config:
        if key not in known:
            yield f"{key} is not a key of the configuration.{nearest(str(key), known)}"
    for key in known:
        if key in OPTIONAL_PARTS and key not in config:
            if takes_part(config, key):
                model = target_of(config, "model").rpartition(".")[2]
                yield f"{key} is null, but {model} needs one: choose an option of {key}"
        elif key not in config:
            yield f"{key} is missing from the configuration"
    for key, kind in VALUES.items():
        value = config.get(key)
        if key in config and not accepts(value, kind):
            yield f"{key} is {value!r}, but must be {describe(kind)}"


def _quantizing_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Settings that would let a run end without ever having quantized."""
    for where, node in _bottlenecks(config):
        yield from _problems_of_quantizing(config, where, _completed(node))


def _problems_of_quantizing(
    config: Mapping[str, Any], where: str, bottleneck: Mapping[str, Any]
) -> Iterator[str]:
    start, last = bottleneck.get("start_after", 0), node_of(config, "trainer").get("max_steps", -1)
    if accepts(start, NonNegative) and accepts(last, Positive) and start >= last:
        yield (
            f"{where}.start_after is {start}, but trainer.max_steps is {last}: the run would "
            f"end before it quantizes; raise trainer.max_steps, or set {where}.start_after to a "
            "lower step or to a share, such as 0.45"
        )
    given = {key: bottleneck[key] for key in NO_START if key in bottleneck}
    needs_start = any(value != NO_START[key] for key, value in given.items())
    if needs_start and not _has_callback(config, "CodebookInit"):
        reasons = " and ".join(f"{where}.{key} is {value}" for key, value in given.items())
        remedies = " and ".join(f"{where}.{key}={NO_START[key]}" for key in given)
        yield (
            f"callbacks.codebook_init is null, but {reasons}: nothing would initialize the "
            f"codebook; keep the callback, or set {remedies}"
        )


def _bottlenecks(config: Mapping[Any, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the key and the node of each bottleneck, that of a top stream of its own as well."""
    nodes = {
        "bottleneck": config.get("bottleneck"),
        "model.top": node_of(config, "model").get("top"),
    }
    for key, node in nodes.items():
        if isinstance(node, dict):
            yield key, node


def _completed(node: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a bottleneck's node, completed by the defaults of its class."""
    try:
        parameters = named_parameters(resolve_in("bottleneck", node.get("_target_")))
    except UserError:  # reported elsewhere
        return dict(node)
    defaults = {key: each.default for key, each in parameters.items()}
    given = {key: value for key, value in defaults.items() if value is not inspect.Parameter.empty}
    return {**given, **node}


def _criterion_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yields a problem if no term of the objective tells which checkpoint is best."""
    from wavenet_ae.objectives import criterion_of  # torch, for which --help is slow

    nodes = node_of(config, "objective")
    try:
        criterion_of({"objective": nodes})
    except ValueError as error:
        yield f"objective cannot be used: {error}"
    except (UserError, KeyError, TypeError, AttributeError):  # reported elsewhere
        return


def _saving_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Settings that would let a run save nothing."""
    if not _has_callback(config, "Checkpoints"):
        yield (
            "callbacks.checkpoints is null: nothing would be saved; to save seldom, raise "
            "callbacks.checkpoints.every_n_steps"
        )
    wandb = node_of(node_of(config, "logger"), "wandb")
    kept = wandb.get("checkpoints", "none")
    if kept != "none" and not _has_callback(config, "WandbMedia"):
        yield (
            f"logger.wandb.checkpoints is {kept}, but callbacks.wandb_media is null: nothing "
            "would record them; keep the callback, or set logger.wandb.checkpoints=none"
        )


def _batch_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yields a problem if a batch is no whole number of groups of one speaker's windows."""
    data = node_of(config, "data")
    size, group = data.get("batch_size", 1), data.get("windows_per_speaker", 1)
    if accepts(size, Positive) and accepts(group, Positive) and size % group:
        yield (
            f"data.windows_per_speaker is {group}, but data.batch_size, {size}, must be a multiple "
            "of it"
        )


def _has_callback(config: Mapping[str, Any], name: str) -> bool:
    nodes = node_of(config, "callbacks").values()
    targets = [str(node.get("_target_", "")) for node in nodes if isinstance(node, Mapping)]
    return any(target.rpartition(".")[2] == name for target in targets)
