"""Build objects from plain dicts, as Hydra does, but only from this package and its plugins.

A plugin is an installed package with an entry point in the group `wavenet_ae.plugins`, whose value
is a module of the package: `units = "my_units"` allows `_target_: my_units.MyBottleneck`. Naming a
module of a plugin imports it, so a plugin's scripts need `if __name__ == "__main__"`.

A checkpoint carries the configuration of its model; loading it must never call anything else.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from wavenet_ae.errors import UserError

PACKAGE = "wavenet_ae."
PLUGINS = "wavenet_ae.plugins"


@cache
def plugin_packages() -> tuple[str, ...]:
    """Returns the prefixes of installed plugins, such as `my_units.`."""
    modules = {each.value.partition(":")[0] for each in entry_points(group=PLUGINS)}
    return tuple(sorted(f"{name}." for name in modules))


def resolve(target: str, foreign: tuple[str, ...] = (), kind: type = object) -> Callable[..., Any]:
    """Returns the class or function that a `_target_` names.

    Only objects defined below an allowed prefix are accepted; names that a module merely imports
    are refused.

    Args:
        target: Dotted path, such as `wavenet_ae.encoders.ConvolutionalEncoder`.
        foreign: Prefixes that are allowed in addition to this package and its plugins.
        kind: Class that the target must be a subclass of.

    Raises:
        UserError: If the target is not allowed, does not exist, or is not a subclass of `kind`.
    """
    prefixes = (PACKAGE, *plugin_packages(), *foreign)
    if not target.startswith(prefixes):
        allowed = " or ".join(prefixes)
        raise UserError(f"_target_ is {target!r}, but must lie under {allowed}")
    module_name, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name)
    except Exception as error:  # a plugin's module may fail in any way
        raise UserError(
            f"_target_ is {target!r}, which cannot be found: {type(error).__name__}: {error}"
        ) from None
    home = f"{getattr(found, '__module__', '')}."
    if not callable(found) or not home.startswith(prefixes):
        raise UserError(
            f"_target_ is {target!r}, which is not a class or function defined there: name one "
            "by the module that defines it"
        )
    if kind is not object and not (inspect.isclass(found) and issubclass(found, kind)):
        raise UserError(
            f"_target_ is {target!r}, which is not a {kind.__name__}: name a subclass of it"
        )
    return found


def instantiate(
    node: Mapping[str, Any],
    foreign: tuple[str, ...] = (),
    kind: type = object,
    **derived: Any,
) -> Any:
    """Calls `node["_target_"]` with the node's other entries, nested nodes first.

    Args:
        node: Mapping with a `_target_`.
        foreign: Prefixes that are allowed in addition to this package and its plugins.
        kind: Class that every target must be a subclass of.
        **derived: Values that the caller computes. Each is passed to this target, and to those
            nested below it, if they have a parameter of that name and the node does not set it.

    Raises:
        UserError: If a target is refused by `resolve`.
    """
    target = resolve(node["_target_"], foreign, kind)
    arguments = {
        key: instantiate(value, foreign, kind, **derived) if is_node(value) else value
        for key, value in node.items()
        if key != "_target_"
    }
    parameters = inspect.signature(target).parameters
    for key, value in derived.items():
        if key in parameters:
            arguments.setdefault(key, value)
    return target(**arguments)


def is_node(value: Any) -> bool:
    """Returns whether a value is a mapping with a `_target_`."""
    return isinstance(value, Mapping) and "_target_" in value
