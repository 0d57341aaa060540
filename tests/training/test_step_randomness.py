"""Randomness of a step: a function of the position, shared by the processes."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import torch

from wavenet_ae.training.step_randomness import StepRandomness, StreamSize, seed_generators
from wavenet_ae.types import Position

RANDOMNESS = StepRandomness(
    seed=3, batch_size=6, num_codes=5, latent_dim=4, samples_per_datapoint=2
)
CPU = torch.device("cpu")


def test_shapes_and_ranges():
    step = RANDOMNESS.step(17, Position(1, 2), CPU)
    assert step.index == 17
    assert step.jitter.shape == (6, 5) and step.speaker_dropout.shape == (6,)
    assert step.latent.shape == (12, 4, 5)
    assert step.jitter.min() >= 0 and step.jitter.max() < 1
    assert replace(RANDOMNESS, latent_dim=0).step(0, Position(), CPU).latent is None


def test_same_position_same_numbers():
    torch.manual_seed(0)
    first = RANDOMNESS.step(5, Position(2, 3), CPU)
    torch.manual_seed(1)
    second = RANDOMNESS.step(5, Position(2, 3), CPU)
    other = RANDOMNESS.step(5, Position(2, 4), CPU)
    for name in ("jitter", "speaker_dropout", "latent"):
        assert torch.equal(getattr(first, name), getattr(second, name)), name
        assert not torch.equal(getattr(first, name), getattr(other, name)), name
    assert first.seed == second.seed != other.seed


def test_processes_share_the_global_batch():
    whole = RANDOMNESS.step(0, Position(0, 9), CPU)
    for rank in range(3):
        part = replace(RANDOMNESS, rank=rank, num_processes=3).step(0, Position(0, 9), CPU)
        assert torch.equal(part.jitter, whole.jitter[rank::3])
        mine = whole.latent.view(6, 2, 4, 5)[rank::3].flatten(0, 1)
        assert torch.equal(part.latent, mine)
        assert part.seed == whole.seed


def test_global_generators_are_keyed():
    def sampled(position: Position, rank: int = 0):
        seed_generators(1, position, rank)
        return random.random(), float(np.random.rand()), torch.rand(1).item()

    assert sampled(Position(0, 1)) == sampled(Position(0, 1))
    others = [sampled(Position(0, 2)), sampled(Position(1, 1)), sampled(Position(0, 1), rank=1)]
    for other in others:
        assert all(a != b for a, b in zip(sampled(Position(0, 1)), other, strict=True))


def test_an_input_is_perturbed_by_numbers_of_the_global_batch():
    assert RANDOMNESS.step(0, Position(), CPU).input is None
    noisy = replace(RANDOMNESS, input_uniforms=7, input_noise=30)
    whole = noisy.step(0, Position(0, 9), CPU)
    assert whole.input.uniform.shape == (6, 7) and whole.input.noise.shape == (6, 30)
    assert torch.equal(whole.jitter, RANDOMNESS.step(0, Position(0, 9), CPU).jitter)
    assert replace(noisy, input_noise=0).step(0, Position(), CPU).input.noise is None
    for rank in range(2):
        part = replace(noisy, rank=rank, num_processes=2).step(0, Position(0, 9), CPU)
        assert torch.equal(part.input.uniform, whole.input.uniform[rank::2])
        assert torch.equal(part.input.noise, whole.input.noise[rank::2])
    assert not torch.equal(noisy.step(0, Position(0, 8), CPU).input.noise, whole.input.noise)


def test_each_of_several_streams_has_numbers_of_its_own():
    sizes = {"top": StreamSize(5), "bottom": StreamSize(10, latent_dim=3)}
    step = replace(RANDOMNESS, streams=sizes).step(1, Position(0, 2), CPU)
    top, bottom = (step.streams[name] for name in ("top", "bottom"))
    assert top.jitter.shape == (6, 5) and bottom.jitter.shape == (6, 10)
    assert top.latent is None and bottom.latent.shape == (12, 3, 10)
    assert not torch.equal(top.jitter, bottom.jitter[:, :5])
    assert top.seed == bottom.seed == step.seed
    part = replace(RANDOMNESS, streams=sizes, rank=1, num_processes=3).step(1, Position(0, 2), CPU)
    assert torch.equal(part.streams["bottom"].jitter, bottom.jitter[1::3])
