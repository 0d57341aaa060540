"""Randomness of a training step, keyed by the position in the data.

Nothing here depends on what ran before, so that a resumed run samples what the uninterrupted run
would have sampled, and so that processes agree on the numbers of the global batch.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.randomness import keyed_normal, keyed_seed, keyed_uniform
from wavenet_ae.types import InputRandomness, Position, Step


def seed_generators(seed: int, position: Position, rank: int) -> None:
    """Seeds the global generators of Python, NumPy and torch, for library code."""
    key = keyed_seed(seed, "generators", position.epoch, position.batch, rank)
    random.seed(key)
    np.random.seed(key % 2**32)
    torch.manual_seed(key)


@dataclass(frozen=True)
class StreamSize:
    """Sizes of one of several streams of codes, by which it takes random numbers of its own.

    num_codes    codes in a window
    latent_dim   channels of normal noise per latent sample; 0: none
    """

    num_codes: int
    latent_dim: int = 0


@dataclass(frozen=True)
class StepRandomness:
    """Samples the random numbers of one step for the global batch and gives a process its rows.

    num_codes           codes in a window, of the only stream or of the coarsest
    latent_dim          channels of normal noise per latent sample; 0: none
    input_uniforms      numbers per item for perturbing the encoder's input; 0: it is not
    input_noise         samples of noise per item for the same; 0: none
    streams             of a model with several streams of codes, by name
    """

    seed: int
    batch_size: int
    num_codes: int
    latent_dim: int
    samples_per_datapoint: int
    rank: int = 0
    num_processes: int = 1
    input_uniforms: int = 0
    input_noise: int = 0
    streams: Mapping[str, StreamSize] = field(default_factory=dict)

    def step(self, index: int, position: Position, device: torch.device) -> Step:
        key = (self.seed, position.epoch, position.batch)

        def rows(sampled: np.ndarray) -> Tensor:
            return torch.from_numpy(sampled[self.rank :: self.num_processes]).to(device)

        def latent(size: StreamSize, *stream: str) -> Tensor | None:
            if not size.latent_dim:
                return None
            shape = (self.batch_size, self.samples_per_datapoint, size.latent_dim, size.num_codes)
            return rows(keyed_normal(shape, *key, "latent", *stream)).flatten(0, 1)  # (B * L, D, N)

        def jitter(size: StreamSize, *stream: str) -> Tensor:
            shape = (self.batch_size, size.num_codes)
            return rows(keyed_uniform(shape, *key, "jitter", *stream))

        perturbed = None
        if self.input_uniforms:
            uniform = keyed_uniform((self.batch_size, self.input_uniforms), *key, "perturbation")
            noise = None
            if self.input_noise:
                noise = rows(keyed_normal((self.batch_size, self.input_noise), *key, "noise"))
            perturbed = InputRandomness(rows(uniform), noise)
        own = StreamSize(self.num_codes, self.latent_dim)
        step = Step(
            index=index,
            seed=keyed_seed(*key, "step"),
            jitter=jitter(own),
            speaker_dropout=rows(keyed_uniform((self.batch_size,), *key, "speaker")),
            latent=latent(own),
            input=perturbed,
        )
        streams = {
            name: replace(step, jitter=jitter(size, name), latent=latent(size, name))
            for name, size in self.streams.items()
        }
        return replace(step, streams=streams) if streams else step
