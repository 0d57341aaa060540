"""Shared by all tests: one thread, so that results do not depend on the machine's cores."""

from pathlib import Path

import hypothesis
import pytest
import torch

from wavenet_ae.engines.native.compiler import native_folder

torch.set_num_threads(1)
# How long an example takes says how busy the machine is, and nothing of what is shown.
too_slow = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=too_slow)
hypothesis.settings.load_profile("patient")
LIBRARIES = native_folder()  # before any test changes the environment


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """A folder for WAVENET_AE_CACHE: corpora are synthesized and packed once, and the native
    engine is compiled once for all processes and caches."""
    folder = tmp_path_factory.mktemp("cache")
    LIBRARIES.mkdir(parents=True, exist_ok=True)
    (folder / "native").symlink_to(LIBRARIES)
    return folder


@pytest.hookimpl(tryfirst=True)  # before some are left out by their marks
def pytest_collection_modifyitems(items):
    """Tests marked `long` are slow, and those marked `gpu` need a CUDA device."""
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker("slow")
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))
