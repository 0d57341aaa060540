"""Parts of an evaluation: each file of this folder is one, and its name is the part's id."""

from __future__ import annotations

import pkgutil
from collections.abc import Collection
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wavenet_ae.evaluation.part import Part


def part_ids() -> tuple[str, ...]:
    """Ids of all parts, from the names of their files alone."""
    return tuple(sorted(each.name for each in pkgutil.iter_modules(__path__)))


def find_parts(ids: Collection[str] = ()) -> list[Part]:
    """Parts with these ids, or all parts, in the order that they declare."""
    modules = [import_module(f"{__name__}.{id}") for id in ids or part_ids()]
    return sorted((module.PART for module in modules), key=lambda part: part.order)
