"""Build objects from plain dicts, as Hydra does, but only from what this package defines.

A checkpoint carries the configuration of its model; loading one must never call anything else.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from wavenet_ae.errors import UserError

PACKAGE = "wavenet_ae."


def resolve(target: str, foreign: tuple[str, ...] = (), kind: type = object) -> Callable[..., Any]:
    """The class or function that `target` names, e.g. `wavenet_ae.encoders.ConvolutionalEncoder`.

    `foreign` are prefixes that are allowed beside our own.  Whatever our modules merely import is
    refused, and where a `kind` is asked for, all but its subclasses.
    """
    if not target.startswith((PACKAGE, *foreign)):
        allowed = " or ".join((PACKAGE, *foreign))
        raise UserError(f"_target_ is {target!r}, but must lie under {allowed}")
    module_name, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"_target_ is {target!r}, which cannot be found: {error}") from None
    home = str(getattr(found, "__module__", ""))
    if not callable(found) or not home.startswith((PACKAGE, *foreign)):
        raise UserError(f"_target_ is {target!r}, which is no class or function defined there")
    if kind is not object and not (inspect.isclass(found) and issubclass(found, kind)):
        raise UserError(f"_target_ is {target!r}, which is no {kind.__name__}")
    return found


def instantiate(
    node: Mapping[str, Any],
    foreign: tuple[str, ...] = (),
    kind: type = object,
    **derived: Any,
) -> Any:
    """Call `node["_target_"]` with the node's other entries, nested nodes first.

    `derived` are values that the wiring knows: each is passed to this target, and to those below
    it, where they have a parameter of that name and the node does not set it.
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
    return isinstance(value, Mapping) and "_target_" in value
