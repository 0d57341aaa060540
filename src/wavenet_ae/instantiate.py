"""Build objects from plain dicts, as Hydra does, but only objects of the class that is asked for.

Run folders and checkpoints come from other people, and carry configurations: a `_target_` may name
nothing but a subclass of what its place takes, from this package or its plugins. The place is a
group of the configuration (see slots.py), or a parameter whose annotation is a class.

A plugin is an installed package with an entry point in the group `wavenet_ae.plugins`, whose value
is a module of the package: `units = "my_units"` allows `_target_: my_units.MyBottleneck`. Naming a
module of a plugin imports it, so a plugin's scripts need `if __name__ == "__main__"`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar

from wavenet_ae.errors import UserError
from wavenet_ae.schema import named_parameters, object_classes, parameter_types

PACKAGE = "wavenet_ae."
PLUGINS = "wavenet_ae.plugins"
TARGET = "_target_"

Object = TypeVar("Object")


@cache
def plugin_packages() -> tuple[str, ...]:
    """Returns the prefixes of installed plugins, such as `my_units.`."""
    modules = {each.value.partition(":")[0] for each in entry_points(group=PLUGINS)}
    return tuple(sorted(f"{name}." for name in modules))


def resolve(
    target: object, kind: type[Object] | tuple[type[Object], ...], foreign: tuple[str, ...] = ()
) -> type[Object]:
    """Returns the class that a `_target_` names.

    Only public classes defined below an allowed prefix are accepted, named below the same prefix;
    those that a module imports from elsewhere are refused.

    Args:
        target: Dotted path, such as `wavenet_ae.encoders.ConvolutionalEncoder`.
        kind: Class, or classes, of one of which the target must be a subclass.
        foreign: Prefixes that are allowed in addition to this package and its plugins.

    Raises:
        UserError: If the target is not allowed, does not exist, or is not a subclass of `kind`.
    """
    prefixes = (PACKAGE, *plugin_packages(), *foreign)
    text = f"{TARGET} is {target!r}"
    if not isinstance(target, str) or not target.startswith(prefixes):
        raise UserError(f"{text}, but must lie under {' or '.join(prefixes)}")
    if any(part.startswith("_") for part in target.split(".")):
        raise UserError(f"{text}, which is private: name a class without a leading underscore")
    module_name, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name)
    except Exception as error:  # a plugin's module may fail in any way
        raise UserError(f"{text}, which cannot be found: {type(error).__name__}: {error}") from None
    home = f"{getattr(found, '__module__', '')}."
    # Both below one prefix: a class of Lightning has no second name here, by which a resume would
    # not know it.
    if not inspect.isclass(found) or not any(
        target.startswith(each) and home.startswith(each) for each in prefixes
    ):
        raise UserError(
            f"{text}, which is not a class defined there: name one by the module that defines it"
        )
    if not issubclass(found, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join(each.__name__ for each in kinds)
        raise UserError(f"{text}, which is not a {names}: name a subclass of it")
    return found


@dataclass(frozen=True)
class _Plan:
    """A class that is allowed, and its arguments; those of nested nodes are plans too."""

    target: type
    arguments: Mapping[str, Any]

    def build(self, derived: Mapping[str, Any]) -> Any:
        arguments = {
            key: value.build(derived) if isinstance(value, _Plan) else value
            for key, value in self.arguments.items()
        }
        parameters = inspect.signature(self.target).parameters
        for key, value in derived.items():
            if key in parameters:
                arguments.setdefault(key, value)
        return self.target(**arguments)


def instantiate(
    node: Mapping[str, Any], kind: type[Object], foreign: tuple[str, ...] = (), **derived: Any
) -> Object:
    """Calls `node["_target_"]` with the node's other entries, nested nodes first.

    Nothing is called before all targets are known to be allowed. A nested node is allowed where the
    annotation of its parameter is a class, and its target must be a subclass of that.

    Args:
        node: Mapping with a `_target_`.
        kind: Class that the target must be a subclass of.
        foreign: Prefixes that are allowed in addition to this package and its plugins.
        **derived: Values that the caller computes. Each is passed to this target, and to those
            nested below it, if they have a parameter of that name and the node does not set it.

    Raises:
        UserError: If a target is refused by `resolve`, or stands where no object is taken.
    """
    made: Object = _plan(node, (kind,), foreign).build(derived)
    return made


def _plan(node: Mapping[str, Any], kinds: tuple[type, ...], foreign: tuple[str, ...]) -> _Plan:
    if not is_node(node):
        raise UserError(f"{node!r} is not a node with a {TARGET}")
    target: type = resolve(node[TARGET], kinds, foreign)
    types = parameter_types(target)
    arguments = {}
    for name, value in node.items():
        if name == TARGET:
            continue
        classes = object_classes(types.get(name))
        if classes and is_node(value):
            arguments[name] = _plan(value, classes, foreign)
        elif places := [*targets_in(value, str(name))]:
            raise UserError(misplaced(places[0], target))
        else:
            arguments[name] = value
    return _Plan(target, arguments)


def is_node(value: Any) -> bool:
    """Returns whether a value is a mapping with a `_target_`."""
    return isinstance(value, Mapping) and TARGET in value


def targets_in(value: Any, path: str) -> Iterator[str]:
    """Yields the path of each `_target_` anywhere in a value."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key == TARGET:
                yield f"{path}.{TARGET}"
            else:
                yield from targets_in(each, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from targets_in(each, f"{path}[{number}]")


def misplaced(path: str, target: type) -> str:
    """Describes a `_target_` where no object is taken, for an error message."""
    taken = [
        name for name in named_parameters(target) if object_classes(parameter_types(target)[name])
    ]
    return (
        f"{path} is set, but {target.__name__} takes no object there: a node belongs to a "
        f"parameter whose annotation is a class ({', '.join(taken) or 'it has none'})"
    )
