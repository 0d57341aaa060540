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


LENGTH = 4000


def noise(length: int = LENGTH) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(-32768, 32768, (2, length), dtype=torch.int16, generator=generator)


def test_shapes_types_and_ranges(target):
    waveform = noise()
    targets = target(waveform)
    assert targets.shape == (2, target.chain.output_length(LENGTH), *target.shape)
    assert target.num_values == targets[0, 0].numel()
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
    whole = target(waveform)[:, chosen.start : chosen.stop]
    torch.testing.assert_close(part, whole, rtol=0, atol=1e-5)


def fitted(target: Target) -> Target:
    """The target with statistics of the noise, where it has any."""
    target.fit([noise().float() / 32768])
    return target


def test_a_waveform_comes_back_as_near_as_targets_allow(target):
    """Samples exactly; frames as near as a phase that is estimated gives them."""
    targets = fitted(target)(noise())
    back = target.to_waveform(targets)
    covered = target.chain.input_length(targets.shape[1])
    assert back.dtype == np.int16 and back.shape == (2, covered)
    again = target(torch.from_numpy(back))
    if target.num_channels is None:
        assert torch.equal(again, targets)
    else:
        error = target.log_energies(again) - target.log_energies(targets)
        assert error.square().mean().sqrt() < 0.4


def test_the_same_targets_give_the_same_waveform_whatever_is_beside_them(target):
    targets = fitted(target)(noise())
    torch.manual_seed(5)
    before = torch.get_rng_state()
    both, alone = target.to_waveform(targets), target.to_waveform(targets[1:])
    assert np.array_equal(both[1:], alone) and torch.equal(torch.get_rng_state(), before)


def test_silence_is_silent_enough(target):
    length = target.chain.input_length(1)
    back = target.to_waveform(target(torch.zeros(1, length, dtype=torch.int16)))
    assert np.abs(back.astype(int)).max() < 1500


def test_mu_law_levels_at_the_ends_and_around_zero():
    samples = torch.tensor([[-32768, -1, 0, 1, 32767]], dtype=torch.int16)
    assert MuLaw(256)(samples).tolist() == [[0, 127, 128, 128, 255]]
