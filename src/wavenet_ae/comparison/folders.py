"""Folders of runs."""

from __future__ import annotations

import re
from pathlib import Path

from wavenet_ae.runs import RunFolder


def runs_in(sweep: Path) -> list[Path]:
    """Returns the run folders of a sweep, 2 before 10."""
    found = [each for each in sweep.glob("*/") if RunFolder(each).has_begun()]
    return sorted(found, key=lambda each: _natural(each.name))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(number or -1), text) for number, text in re.findall(r"(\d+)|(\D+)", name)]
