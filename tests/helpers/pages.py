"""Code blocks of the README and of the pages below docs/."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from helpers.commands import ROOT

BLOCKS = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block: its language, its text and the number of its first line on the page."""

    page: Path
    language: str
    text: str
    line: int

    def execute(self, names: dict) -> None:
        """Execute a Python block; errors name lines of the page."""
        above = "\n" * (self.line - 1)
        exec(compile(above + self.text, str(self.page), "exec"), names)


def blocks(page: str) -> list[Block]:
    """All code blocks of a page, by its path from the root of the checkout."""
    path = ROOT / page
    text = path.read_text()
    assert text.count("```") % 2 == 0, f"{page}: a code block is not closed"
    return [
        Block(path, each[1], each[2], text.count("\n", 0, each.start()) + 2)
        for each in BLOCKS.finditer(text)
    ]
