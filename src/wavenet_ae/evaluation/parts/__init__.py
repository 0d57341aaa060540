"""Parts of an evaluation: each file of this folder is one, and its name is the part's id."""

from __future__ import annotations

import pkgutil


def part_ids() -> tuple[str, ...]:
    """Returns the ids of all parts, from the names of their files alone."""
    return tuple(sorted(each.name for each in pkgutil.iter_modules(__path__)))
