"""Randomness of a training step, keyed by the position in the data.

Nothing here depends on what ran before, so that a resumed run samples what the uninterrupted run
would have sampled, and so that processes agree on the numbers of the global batch.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.randomness import keyed_normal, keyed_seed, keyed_uniform
from wavenet_ae.types import InputRandomness, Position, Step


def seed_generators(seed: int, position: Position, rank: int) -> None:
    """Re-seed the global generators of Python, NumPy and torch, for library code."""
    key = keyed_seed(seed, "generators", position.epoch, position.batch, rank)
    random.seed(key)
    np.random.seed(key % 2**32)
    torch.manual_seed(key)


@dataclass(frozen=True)
class StepRandomness:
    """Samples the random numbers of one step for the global batch and gives a process its rows.

    latent_dim          channels of normal noise per latent sample; 0: none
    input_uniforms      numbers per item for perturbing the encoder's input; 0: it is not
    input_noise         samples of noise per item for the same; 0: none
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

    def step(self, index: int, position: Position, device: torch.device) -> Step:
        key = (self.seed, position.epoch, position.batch)

        def rows(sampled: np.ndarray) -> Tensor:
            return torch.from_numpy(sampled[self.rank :: self.num_processes]).to(device)

        latent = None
        if self.latent_dim:
            shape = (self.batch_size, self.samples_per_datapoint, self.latent_dim, self.num_codes)
            latent = rows(keyed_normal(shape, *key, "latent")).flatten(0, 1)  # (B * L, D, N)
        perturbed = None
        if self.input_uniforms:
            uniform = keyed_uniform((self.batch_size, self.input_uniforms), *key, "perturbation")
            noise = None
            if self.input_noise:
                noise = rows(keyed_normal((self.batch_size, self.input_noise), *key, "noise"))
            perturbed = InputRandomness(rows(uniform), noise)
        return Step(
            index=index,
            seed=keyed_seed(*key, "step"),
            jitter=rows(keyed_uniform((self.batch_size, self.num_codes), *key, "jitter")),
            speaker_dropout=rows(keyed_uniform((self.batch_size,), *key, "speaker")),
            latent=latent,
            input=perturbed,
        )
