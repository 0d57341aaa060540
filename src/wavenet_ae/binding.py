"""Plain values from YAML bound to a dataclass: its annotations are the schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.signatures import accepts, describe, named_parameters, parameter_types


def binding_problems(
    kind: type, node: Mapping[str, Any], where: str = "", derived: Iterable[str] = ()
) -> Iterator[str]:
    """What keeps `kind(**node)` from being made; `derived` are fields that the program sets."""
    types = {name: each for name, each in parameter_types(kind).items() if name not in derived}
    for name, value in node.items():
        if name not in types:
            yield f"{where}{name} is not known.{nearest(str(name), types)}"
        elif not accepts(value, types[name]):
            yield f"{where}{name} is {value!r}, but must be {describe(types[name])}"
    for name, parameter in named_parameters(kind).items():
        if name in types and name not in node and parameter.default is parameter.empty:
            yield f"{where}{name} is missing: it must be {describe(types[name])}"


def require_none(problems: Iterable[str]) -> None:
    """Raise one UserError that lists all problems; a single one stays on one line."""
    found = list(problems)
    if len(found) == 1:
        raise UserError(found[0])
    if found:
        raise UserError("\n  - ".join([f"{len(found)} settings cannot be used:", *found]))
