"""A real browser that opens a page as a reader does, and minds what goes wrong there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PROGRAM = next((found for name in NAMES if (found := shutil.which(name))), None)
needs_browser = pytest.mark.skipif(PROGRAM is None, reason=f"there is no {' and no '.join(NAMES)}")
# Without a sandbox, as root has none; sounds may play before anybody has clicked.
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]


@contextmanager
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as program:
        started = program.chromium.launch(executable_path=PROGRAM, args=FLAGS)
        yield started
        started.close()


@contextmanager
def opened(started: Any, file: Path, **options: Any) -> Iterator[Any]:
    """The page at `file`, from disk; fails in the end where something of it has failed, or has
    been asked for elsewhere."""
    context = started.new_context(**options)
    page, wrong = context.new_page(), []
    page.on("console", lambda said: wrong.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url[:80]}"))
    page.on("request", lambda request: wrong.extend(_from_elsewhere(request.url, file)))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert not wrong


def _from_elsewhere(url: str, file: Path) -> list[str]:
    return [] if url == file.as_uri() or url.startswith("data:") else [f"asked for: {url[:80]}"]
