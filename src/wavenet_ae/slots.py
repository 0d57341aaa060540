"""Groups of a configuration: the class of which each takes objects, and what keeps one from being
built.

Whatever a configuration names, on the command line, in a run folder or in a checkpoint, is checked
against this table before anything is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Literal

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.instantiate import TARGET, is_node, misplaced, resolve, targets_in
from wavenet_ae.schema import (
    NonNegative,
    NonNegativeNumber,
    Positive,
    Remark,
    accepts,
    describe,
    named_parameters,
    object_classes,
    parameter_types,
)

# Base class of each group beside those of the model, which models/build.py declares. By name: what
# they import is slow, and --help needs none of it.
BASES: dict[str, str] = {
    "objective": "wavenet_ae.objectives.ObjectiveTerm",
    "optimizer": "wavenet_ae.training.optimizer.OptimizerConfig",
    "data": "wavenet_ae.data.module.SpeechData",
    "trainer": "pytorch_lightning.Trainer",
    "callbacks": "pytorch_lightning.Callback",
    "monitors": "pytorch_lightning.Callback",
    "logger": "pytorch_lightning.loggers.Logger",
}
# Values that the program derives and that a configuration must not repeat, beside those of the
# model's groups.
DERIVED: dict[str, frozenset[str]] = {
    "objective": frozenset(
        {
            *("default_code_weighting", "latent_dim", "context_dim", "num_codes"),
            *("first_code", "code_hop", "utterances", "fingerprint", "bottlenecks"),
        }
    ),
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
LIGHTNING = ("pytorch_lightning.",)
WITH_LIGHTNING = ("trainer", "callbacks", "monitors", "logger")  # also take Lightning's classes
COLLECTIONS = ("objective", "callbacks", "monitors", "logger")  # groups of named nodes
# Parts that some models do not have.
OPTIONAL_PARTS = ("encoder", "bottleneck", "target", "decoder")
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


def groups() -> dict[str, frozenset[str]]:
    """Returns all groups, those of the model first, with the values derived for each."""
    from wavenet_ae.models.build import DERIVED as MODEL_DERIVED  # torch, for which --help is slow

    return {**MODEL_DERIVED, **DERIVED}


@cache
def base_of(group: str) -> type:
    """Returns the class whose subclasses a group takes."""
    from wavenet_ae.models.build import BASES as MODEL_BASES

    if group in MODEL_BASES:
        return MODEL_BASES[group]
    module, _, name = BASES[group].rpartition(".")
    base: type = getattr(import_module(module), name)
    return base


def resolve_in(group: str, target: object) -> type:
    """Returns the class that a `_target_` names in a group.

    Raises:
        UserError: If the group does not take it.
    """
    return resolve(target, base_of(group), _foreign(group))


def _foreign(group: str) -> tuple[str, ...]:
    return LIGHTNING if group in WITH_LIGHTNING else ()


def group_problems(config: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    """Yields what keeps these groups of a plain configuration from being built."""
    derived = groups()
    for group in names:
        node = config.get(group)
        if group not in config:
            continue
        if group in COLLECTIONS:
            if node is not None and not isinstance(node, Mapping):
                yield f"{group} is {node!r}, but must be a mapping of named nodes"
                continue
            for name, each in (node or {}).items():
                if each is not None:
                    yield from node_problems(f"{group}.{name}", each, group, derived[group])
        elif group in OPTIONAL_PARTS and not takes_part(config, group):
            if node:
                yield f"{group} is set, but {target_of(config, 'model')} has none: use ~{group}"
        else:
            yield from node_problems(group, node, group, derived[group])


def node_problems(key: str, node: Any, group: str, derived: frozenset[str]) -> Iterator[str]:
    """Yields what keeps the node of a group from being built.

    Args:
        key: Where it stands, such as `callbacks.progress`.
        node: The node, a plain value.
        group: Group from whose base class its target must derive.
        derived: Parameters that the program sets.
    """
    yield from _problems(key, node, (base_of(group),), _foreign(group), derived, is_top=True)


def _problems(
    key: str,
    node: Any,
    kinds: tuple[type, ...],
    foreign: tuple[str, ...],
    derived: frozenset[str],
    is_top: bool = False,
) -> Iterator[str]:
    """Problems of one node `{_target_: ..., argument: value, ...}` and of the nodes below it.

    Only the node at the top of a group may not set `derived` values: below it, they are defaults.
    """
    if not is_node(node):
        yield f"{key} is {node!r}, but must be a node with a {TARGET}"
        return
    try:
        target: type = resolve(node[TARGET], kinds, foreign)
    except UserError as error:
        yield f"{key}.{error}"
        return
    types = parameter_types(target) | FOREIGN_TYPES.get(str(node[TARGET]), {})
    for name, value in node.items():
        path = f"{key}.{name}"
        if name == TARGET:
            continue
        if name not in types and path in REFERRED:
            yield f"{path} is read by {REFERRED[path]} only"
        elif name not in types:
            yield f"{path} is not known.{nearest(str(name), set(types) - derived)}"
        elif name in derived and is_top:
            yield f"{path} is set by the program from other values: remove it"
        elif is_node(value) and (classes := object_classes(types[name])):
            yield from _problems(path, value, classes, foreign, derived)
        elif places := [*targets_in(value, path)]:
            yield misplaced(places[0], target)
        elif not accepts(value, types[name]):
            yield f"{path} is {value!r}, but must be {describe(types[name])}"
    for name, parameter in named_parameters(target).items():
        is_required = parameter.default is parameter.empty
        if is_required and name not in node and name not in derived:
            yield f"{key}.{name} is missing: it must be {describe(types[name])}"


def takes_part(config: Mapping[str, Any], group: str) -> bool:
    """Returns whether the model has a part of this group; unknown models are reported elsewhere."""
    try:
        return group in parameter_types(resolve_in("model", target_of(config, "model")))
    except UserError:
        return True


def node_of(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Returns the node of a group; empty if it is not a mapping, which is reported elsewhere."""
    node = config.get(key)
    return node if isinstance(node, Mapping) else {}


def target_of(config: Mapping[str, Any], key: str) -> str:
    """Returns the `_target_` of a group's node; empty without one."""
    return str(node_of(config, key).get(TARGET, ""))
