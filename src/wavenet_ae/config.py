"""Pre-flight check that finds every mistake in a configuration at once, before any work.

Hydra rejects unknown options and keys on the command line. What it lets through (a misspelled key
in an experiment file, `+key=...`, `???` left unset, a wrong type) is caught here, by binding each
node to the signature of its target: the constructor is the schema.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.schema import (
    NonNegative,
    NonNegativeNumber,
    Positive,
    Remark,
    SampleRate,
    accepts,
    describe,
    named_parameters,
    parameter_types,
)

# Values that the program derives and that a configuration must not repeat, beside those of the
# model's groups.
DERIVED: dict[str, frozenset[str]] = {
    "objective": frozenset({"default_code_weighting"}),
    "optimizer": frozenset(),
    "data": frozenset({"sample_rate", "seed"}),
    "trainer": frozenset(
        {
            *("callbacks", "logger", "plugins", "max_epochs", "min_epochs", "default_root_dir"),
            *("enable_checkpointing", "enable_progress_bar", "use_distributed_sampler"),
            *("num_sanity_val_steps", "check_val_every_n_epoch", "val_check_interval"),
            *("limit_train_batches", "overfit_batches", "reload_dataloaders_every_n_epochs"),
        }
    ),
    "callbacks": frozenset({"run_folder", "config"}),
    "monitors": frozenset({"run_folder", "config"}),
    "logger": frozenset({"run_folder", "first_step"}),
}
OPTIONAL_PARTS = ("encoder", "bottleneck")  # parts that some models do not have
COLLECTIONS = ("objective", "callbacks", "monitors", "logger")  # groups of named nodes
VALUES: dict[str, Any] = {
    "seed": NonNegative,
    "sample_rate": SampleRate,
    "name": str,
    "validate_every_n_steps": Positive,
    "run_folder": str,
    "compile": bool,
    "init_from": str | None,
}
# Stricter types for targets of Lightning, whose own annotations allow more than is tested here.
FOREIGN_TYPES: dict[str, dict[str, Any]] = {
    "pytorch_lightning.Trainer": {
        "max_steps": Positive | Literal[-1],
        "accumulate_grad_batches": Positive,
        "log_every_n_steps": Positive,
        "gradient_clip_val": NonNegativeNumber | None,
        "devices": Positive | Sequence[NonNegative] | Literal["auto", -1],
        "num_nodes": Positive,
        "precision": Annotated[
            Literal["32-true", "bf16-mixed", "64-true"],
            Remark("the precisions in which training is tested"),
        ],
    }
}
# Short names on the command line that some options of a group interpolate.
REFERRED = {
    "data.root": "data=folder, data=table and named corpora such as data=librispeech",
    "data.path": "data=table",
}
# Settings of a bottleneck that quantizes from the first step, without a callback to initialize it.
NO_START: dict[str, Any] = {"init": "uniform", "start_after": 0}
FOREIGN = ("pytorch_lightning.",)  # allowed as targets in a run, though never in a checkpoint


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
        raise UserError(_report(missing))
    try:
        values = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(f"the configuration does not resolve: {error}") from None
    assert isinstance(values, dict)
    for key in REFERRED:
        group, _, name = key.partition(".")
        if _refers(raw, key):
            values[group].pop(name, None)
    return {str(key): value for key, value in values.items()}


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
        *_group_problems(config),
        *_quantizing_problems(config),
        *_saving_problems(config),
        *_criterion_problems(config),
    ]
    if problems:
        raise UserError(_report(problems))


def _report(problems: list[str]) -> str:
    if len(problems) == 1:
        return f"The configuration cannot be used: {problems[0]}"
    listed = "\n".join(f"  - {problem}" for problem in problems)
    return f"The configuration cannot be used, for {len(problems)} reasons:\n{listed}"


def _derived() -> dict[str, frozenset[str]]:
    """Values of each group that the program derives; models/build.py declares the model's own."""
    from wavenet_ae.models.build import DERIVED as MODEL_DERIVED  # torch, for which --help is slow

    return {**MODEL_DERIVED, **DERIVED}


def _top_level_problems(config: Mapping[str, Any]) -> Iterator[str]:
    known = [*_derived(), *VALUES]
    for key in config:
        if key not in known:
            yield f"{key} is not a key of the configuration.{nearest(str(key), known)}"
    for key in known:
        if key in OPTIONAL_PARTS and key not in config:
            if _takes_part(config, key):
                model = _target(config, "model").rpartition(".")[2]
                yield f"{key} is null, but {model} needs one: choose an option of {key}"
        elif key not in config:
            yield f"{key} is missing from the configuration"
    for key, kind in VALUES.items():
        value = config.get(key)
        if key in config and not accepts(value, kind):
            yield f"{key} is {value!r}, but must be {describe(kind)}"


def _group_problems(config: Mapping[str, Any]) -> Iterator[str]:
    for group, derived in _derived().items():
        node = config.get(group)
        if group not in config:
            continue
        if group in COLLECTIONS:
            for name, each in (node or {}).items():
                if each is not None:
                    yield from _node_problems(f"{group}.{name}", each, derived, is_top=True)
        elif group in OPTIONAL_PARTS and not _takes_part(config, group):
            if node:
                yield f"{group} is set, but {_target(config, 'model')} has none: use ~{group}"
        else:
            yield from _node_problems(group, node, derived, is_top=True)


def _takes_part(config: Mapping[str, Any], group: str) -> bool:
    """Returns whether the model has a part of this group; unknown models are reported elsewhere."""
    try:
        return group in parameter_types(resolve_target(_target(config, "model")))
    except UserError:
        return True


def _node_problems(
    key: str, node: Any, derived: frozenset[str], is_top: bool = False
) -> Iterator[str]:
    """Problems of one node `{_target_: ..., argument: value, ...}` and of the nodes below it.

    Only the node at the top of a group may not set `derived` values: below it, they are defaults.
    """
    if not isinstance(node, Mapping) or "_target_" not in node:
        yield f"{key} is {node!r}, but must be a node with a _target_"
        return
    try:
        target = resolve_target(str(node["_target_"]))
    except UserError as error:
        yield f"{key}.{error}"
        return
    types = parameter_types(target) | FOREIGN_TYPES.get(str(node["_target_"]), {})
    for name, value in node.items():
        path = f"{key}.{name}"
        if name == "_target_":
            continue
        if name not in types and path in REFERRED:
            yield f"{path} is read by {REFERRED[path]} only"
        elif name not in types:
            yield f"{path} is not known.{nearest(str(name), set(types) - derived)}"
        elif name in derived and is_top:
            yield f"{path} is set by the program from other values: remove it"
        elif isinstance(value, Mapping) and "_target_" in value:
            yield from _node_problems(path, value, derived)
        elif not accepts(value, types[name]):
            yield f"{path} is {value!r}, but must be {describe(types[name])}"
    for name, parameter in named_parameters(target).items():
        is_required = parameter.default is parameter.empty
        if is_required and name not in node and name not in derived:
            yield f"{key}.{name} is missing: it must be {describe(types[name])}"


def _quantizing_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Settings that would let a run end without ever having quantized."""
    bottleneck, trainer = _with_defaults(_node(config, "bottleneck")), _node(config, "trainer")
    start, last = bottleneck.get("start_after", 0), trainer.get("max_steps", -1)
    if accepts(start, NonNegative) and accepts(last, Positive) and start >= last:
        yield (
            f"bottleneck.start_after is {start}, but trainer.max_steps is {last}: the run would "
            "end before it quantizes; lower the one or raise the other"
        )
    given = {key: bottleneck[key] for key in NO_START if key in bottleneck}
    needs_start = any(value != NO_START[key] for key, value in given.items())
    if needs_start and not _has_callback(config, "CodebookInit"):
        reasons = " and ".join(f"bottleneck.{key} is {value}" for key, value in given.items())
        remedies = " and ".join(f"bottleneck.{key}={NO_START[key]}" for key in given)
        yield (
            f"callbacks.codebook_init is null, but {reasons}: nothing would initialize the "
            f"codebook; keep the callback, or set {remedies}"
        )


def _with_defaults(node: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a node, completed by the defaults of its target."""
    try:
        parameters = named_parameters(resolve_target(str(node.get("_target_"))))
    except UserError:  # reported elsewhere
        return dict(node)
    defaults = {key: each.default for key, each in parameters.items()}
    given = {key: value for key, value in defaults.items() if value is not inspect.Parameter.empty}
    return {**given, **node}


def _criterion_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yields a problem if no term of the objective tells which checkpoint is best."""
    from wavenet_ae.objectives import criterion_of  # torch, for which --help is slow

    nodes = _node(config, "objective")
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
    wandb = _node(_node(config, "logger"), "wandb")
    kept = wandb.get("checkpoints", "none")
    if kept != "none" and not _has_callback(config, "WandbMedia"):
        yield (
            f"logger.wandb.checkpoints is {kept}, but callbacks.wandb_media is null: nothing "
            "would record them; keep the callback, or set logger.wandb.checkpoints=none"
        )


def _has_callback(config: Mapping[str, Any], name: str) -> bool:
    nodes = _node(config, "callbacks").values()
    targets = [str(node.get("_target_", "")) for node in nodes if isinstance(node, Mapping)]
    return any(target.rpartition(".")[2] == name for target in targets)


def _node(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Node of a group; empty if it is not a mapping, which is reported elsewhere."""
    node = config.get(key)
    return node if isinstance(node, Mapping) else {}


def _target(config: Mapping[str, Any], key: str) -> str:
    return str(_node(config, key).get("_target_", ""))


def resolve_target(target: str) -> Any:
    """Returns what a `_target_` names in this package, a plugin or Lightning.

    Raises:
        UserError: If it is not allowed or does not exist.
    """
    from wavenet_ae.instantiate import resolve

    return resolve(target, foreign=FOREIGN)
