"""Shared by all tests: one thread, so that results do not depend on the machine's cores."""

import pytest
import torch

torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Tests marked `gpu` are skipped where there is no CUDA device."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))
