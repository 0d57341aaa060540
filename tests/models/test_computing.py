"""Codes and sound do not depend on what a caller does beside, and has set for other models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from threading import Barrier

import numpy as np
import pytest
import torch
from helpers.small_models import checkpoint, noise
from torch import nn

from wavenet_ae.errors import ArgumentError
from wavenet_ae.loading import load
from wavenet_ae.models.computing import evaluation_mode

CODES = [1, 5, 0]


@pytest.fixture
def model(tmp_path):
    return load(checkpoint(tmp_path))


@pytest.fixture
def continuous(tmp_path):
    """A model whose encoding shows every bit of the latents."""
    return load(checkpoint(tmp_path, "ae"))


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


SETTINGS: list[Callable[[], AbstractContextManager[object]]] = [
    lambda: torch.autocast("cpu", torch.bfloat16),
    lambda: torch.autocast("cpu", torch.float16),
    lambda: default_dtype(torch.float64),
    lambda: torch.inference_mode(),
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_of_the_caller_change_neither_codes_nor_sound(model, continuous, setting):
    wave = noise(3000)
    vectors = continuous.encode(wave, model.sample_rate)
    sounds = [model.decode(CODES, engine=engine) for engine in ("native", "reference")]
    with setting():
        assert torch.equal(continuous.encode(wave, model.sample_rate), vectors)
        again = [model.decode(CODES, engine=engine) for engine in ("native", "reference")]
    for sound, before in zip(again, sounds, strict=True):
        np.testing.assert_array_equal(sound, before)


@pytest.mark.parametrize("change", [nn.Module.half, nn.Module.bfloat16])
def test_weights_that_have_been_rounded_give_no_codes(model, change):
    change(model)
    with pytest.raises(ArgumentError, match="the weights of the model are torch"):
        model.encode(noise(100), model.sample_rate)
    with pytest.raises(ArgumentError, match="encode and decode in float32"):
        model.decode(CODES)


def test_a_model_without_weights_is_refused(model):
    model.to("meta")
    with pytest.raises(ArgumentError, match="on the device meta"):
        model.encode(noise(100), model.sample_rate)
    with pytest.raises(ArgumentError, match="on the device meta"):
        model.decode(CODES)


def test_threads_that_encode_at_once_leave_a_model_as_it_was(model):
    wave = noise(3000)
    codes = model.encode(wave, model.sample_rate)
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(lambda _: model.encode(wave, model.sample_rate), range(40))]
    assert all(torch.equal(each, codes) for each in found)
    assert all(part.training for part in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_part_trains_again_when_the_last_of_overlapping_blocks_ends():
    whole = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    whole[1].eval()
    inside, outside_has_ended = Barrier(2), Barrier(2)

    def hold_a_part() -> bool:
        with evaluation_mode(whole[0]):
            inside.wait()
            outside_has_ended.wait()
            return bool(whole[0].training)

    with ThreadPoolExecutor(1) as pool:
        with evaluation_mode(whole):
            trains_inside = pool.submit(hold_a_part)
            inside.wait()
        assert whole.training and not whole[0].training
        outside_has_ended.wait()
        assert not trains_inside.result(timeout=30)
    assert [part.training for part in whole.modules()] == [True, True, False]
