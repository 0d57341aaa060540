"""The contract of engines, and the random numbers of generation.

Random numbers are a function of the stream and of the sample's index alone: whatever the engine,
the batch and the size of the chunks, sample `t` of a stream is sampled by the same number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.decoders import Decoder, Sampling
from wavenet_ae.randomness import keyed_seed

BITS_PER_COUNT = 4  # 64-bit words that Philox-4x64 gives for one value of its counter


class Session(ABC):
    """Streams that are being generated.

    Attributes:
        held: Conditioning that may still be needed, from vector `first_held` on.
        first_held: Index of the first vector of `held`.
        hop: Samples for which a vector is held.
        position: Index of the next sample, counted from the first for which vector 0 is held.
    """

    held: Tensor
    first_held: int
    hop: int
    position: int

    @property
    def num_ready(self) -> int:
        """Samples that can be generated from the conditioning received so far."""
        return (self.first_held + len(self.held)) * self.hop - self.position

    @abstractmethod
    def extend(self, conditioning: Tensor) -> None:
        """Appends the next conditioning (B, C, M), and drops what has been used."""

    @abstractmethod
    def generate(self, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Returns the next targets (B, n), sampled by uniforms (B, n); of frames, (B, n, C)."""

    @abstractmethod
    def score(self, targets: Tensor) -> Tensor:
        """Returns parameters (B, P, n) of the distributions of the given next targets (B, n).

        Frames are (B, n, C).
        """

    def _hold(self, more: Tensor) -> None:
        used = min(self.position // self.hop - self.first_held, len(self.held))
        self.held = torch.cat([self.held[used:], more])
        self.first_held += used

    def _require_ready(self, num_samples: int) -> None:
        if num_samples > self.num_ready:
            raise ValueError(
                f"{num_samples} samples are requested, but the conditioning reaches only "
                f"{self.num_ready}"
            )


class Engine(ABC):
    """A way to generate with a decoder.

    Attributes:
        name: Name by which `make_engine` knows it.
    """

    name: ClassVar[str]

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    @classmethod
    def unfit(cls, decoder: Decoder) -> str | None:
        """Returns why the engine cannot step a decoder and what to use; None where it can."""
        return None

    @abstractmethod
    def begin(self, history: Tensor, conditioning: Tensor, speaker: Tensor) -> Session:
        """Starts streams; the arguments are those of SteppedSession."""


def stream_seed(seed: int, name: str) -> int:
    """Returns the seed of one stream of a generation."""
    return keyed_seed(seed, "generation", name)


def stream_uniforms(seeds: Sequence[int], first: int, size: int) -> np.ndarray:
    """Returns the uniform numbers of samples `first .. first + size - 1` of B streams.

    Args:
        seeds: Seed of each stream, from `stream_seed`.
        first: Index of the first sample.
        size: Number of samples.

    Returns:
        (B, size) float32 in [0, 1).
    """
    return np.stack([_uniforms(seed, first, size) for seed in seeds])


def _uniforms(seed: int, first: int, size: int) -> np.ndarray:
    count, skipped = divmod(first, BITS_PER_COUNT)
    bits = np.random.Philox(key=seed, counter=count).random_raw(skipped + size)[skipped:]
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
