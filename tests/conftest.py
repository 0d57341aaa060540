"""Shared by all tests: one thread, so that results do not depend on the machine's cores."""

from collections.abc import Iterator
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
# Files with the longest tests, which begin first: at the end no process works on one alone.
LONGEST = (
    *("golden/test_golden.py", "e2e/test_kills.py", "e2e/test_resume.py", "e2e/test_launchers.py"),
    *("training/test_numerics.py", "e2e/test_evaluate.py"),
)
LIBRARIES = native_folder()  # before any test changes the environment


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """A folder for WAVENET_AE_CACHE: corpora are synthesized and packed once, and the native
    engine is compiled once for all processes and caches."""
    folder = tmp_path_factory.mktemp("cache")
    LIBRARIES.mkdir(parents=True, exist_ok=True)
    (folder / "native").symlink_to(LIBRARIES)
    return folder


@pytest.fixture(scope="module")
def brief_probes() -> Iterator[None]:
    """Probes that are trained for a few updates, where nothing depends on what they find."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wavenet_ae.metrics.probes.LEAST_UPDATES", 10)
        yield


@pytest.hookimpl(tryfirst=True)  # before some are left out by their marks
def pytest_collection_modifyitems(items):
    """The longest come first, those marked `long` are slow, those marked `gpu` need a GPU."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker("slow")
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))
