"""What every target promises.  A new member is one line in tests/helpers/configs.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import TARGETS

from wavenet_ae.instantiate import instantiate
from wavenet_ae.targets import MuLaw, Target


@pytest.fixture(params=sorted(TARGETS))
def target(request) -> Target:
    return instantiate(TARGETS[request.param], Target, sample_rate=8000)


def noise(length: int = 500) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(-32768, 32768, (2, length), dtype=torch.int16, generator=generator)


def test_shapes_types_and_ranges(target):
    waveform = noise()
    targets = target(waveform)
    assert targets.shape[:2] == (2, target.chain.output_length(500))
    if target.levels is None:
        assert targets.dtype == torch.float32 and targets.isfinite().all()
    else:
        assert targets.dtype == torch.int64
        assert targets.min() >= 0 and targets.max() < target.levels
    assert not list(target.parameters())


def test_a_slice_gives_the_targets_of_the_whole(target):
    waveform, chosen = noise(), range(7, 30)
    reads = target.chain.input_range(chosen)
    part = target(waveform[:, reads.start : reads.stop])
    assert torch.equal(part, target(waveform)[:, chosen.start : chosen.stop])


def test_a_waveform_comes_back_as_near_as_targets_allow(target):
    waveform = noise()
    targets = target(waveform)
    back = target.to_waveform(targets)
    assert back.dtype == np.int16 and back.shape == (2, 500)
    assert torch.equal(target(torch.from_numpy(back)), targets)


def test_silence_is_silent_enough(target):
    back = target.to_waveform(target(torch.zeros(1, 1, dtype=torch.int16)))
    assert abs(back.item()) < 1500


def test_mu_law_levels_at_the_ends_and_around_zero():
    samples = torch.tensor([[-32768, -1, 0, 1, 32767]], dtype=torch.int16)
    assert MuLaw(256)(samples).tolist() == [[0, 127, 128, 128, 255]]
