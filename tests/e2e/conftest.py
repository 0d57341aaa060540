"""Runs that tests share which only need some run: who changes a folder copies it first."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.configs import TINY, TINY_CODES
from helpers.runs import trained


@pytest.fixture(scope="session")
def quantized(cache, tmp_path_factory) -> Path:
    """The folder of a finished run of a model with codes."""
    return trained(tmp_path_factory.mktemp("quantized") / "run", cache, *TINY, *TINY_CODES)


@pytest.fixture(scope="session")
def language_model(cache, tmp_path_factory) -> Path:
    """The folder of a finished run of a model without codes."""
    tiny = [each for each in TINY if not each.startswith("encoder.")]
    folder = tmp_path_factory.mktemp("language_model") / "run"
    return trained(folder, cache, *tiny, "model=wavenet")
