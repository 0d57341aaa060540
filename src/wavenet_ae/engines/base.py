"""What every engine is, and how conditioning is handed to it in chunks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from wavenet_ae.decoders import Decoder, Sampling


class Session(ABC):
    """Streams that are being generated.

    held        conditioning that may be needed still, the first of it vector `first_held`; each
                vector is held for `hop` samples
    position    of the next sample, counted from the first for which vector 0 is held
    """

    held: Tensor
    first_held: int
    hop: int
    position: int

    @property
    def num_ready(self) -> int:
        """Samples that the conditioning handed in so far reaches."""
        return (self.first_held + len(self.held)) * self.hop - self.position

    @abstractmethod
    def extend(self, conditioning: Tensor) -> None:
        """Hand in the next conditioning (B, C, M); what has been used is forgotten."""

    @abstractmethod
    def generate(self, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Returns the next targets (B, n), sampled by uniforms (B, n)."""

    @abstractmethod
    def score(self, targets: Tensor) -> Tensor:
        """Returns parameters (B, P, n) of the next targets (B, n), which are the given ones."""

    def _hold(self, more: Tensor) -> None:
        used = min(self.position // self.hop - self.first_held, len(self.held))
        self.held = torch.cat([self.held[used:], more])
        self.first_held += used

    def _require_ready(self, num_samples: int) -> None:
        if num_samples > self.num_ready:
            raise ValueError(
                f"{num_samples} samples are asked for, but conditioning is there for "
                f"{self.num_ready}"
            )


class SteppedSession(Session):
    """Steps of the decoder, one sample after another.

    Args:
        decoder: Decoder to step.
        history: Targets so far (B, R), R the receptive field.
        conditioning: Vectors (B, C, M) as for the decoder's `forward`: vector 0 is held from the
            first layer's first output on.  They must reach as far as `history`; `extend` adds more.
        speaker: Rows (B,).
    """

    @torch.no_grad()
    def __init__(
        self, decoder: Decoder, history: Tensor, conditioning: Tensor, speaker: Tensor
    ) -> None:
        self.decoder, self.speaker = decoder, speaker
        self.hop = decoder.conditioning_hop
        self.state = decoder.prime(history[:, :-1], conditioning, speaker)
        self.newest = history[:, -1]  # not yet stepped over
        self.position = history.shape[1] - decoder.chain.layers[0].input_length(1)
        self.first_held = self.position // self.hop
        self.held = decoder.project(conditioning[..., self.first_held :], speaker)

    @abstractmethod
    def step(self, newest: Tensor, held: Tensor) -> Tensor:
        """Returns parameters (B, P) of the next targets, given the newest ones (B,) and an item of
        the decoder's `project`."""

    @torch.no_grad()
    def extend(self, conditioning: Tensor) -> None:
        self._hold(self.decoder.project(conditioning, self.speaker))

    @torch.no_grad()
    def generate(self, uniforms: Tensor, sampling: Sampling) -> Tensor:
        self._require_ready(uniforms.shape[1])
        targets = torch.empty(uniforms.shape, dtype=self.newest.dtype, device=uniforms.device)
        for index, column in enumerate(uniforms.t()):
            self.newest = self.decoder.output.sample(self._next_parameters(), column, sampling)
            targets[:, index] = self.newest
        return targets

    @torch.no_grad()
    def score(self, targets: Tensor) -> Tensor:
        self._require_ready(targets.shape[1])
        parameters = []
        for column in targets.t():
            parameters.append(self._next_parameters())
            self.newest = column
        return torch.stack(parameters, dim=2)

    def _next_parameters(self) -> Tensor:
        held = self.held[self.position // self.hop - self.first_held]
        self.position += 1
        return self.step(self.newest, held)


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


class SteppedEngine(Engine):
    """An engine whose sessions step the decoder in torch.

    Attributes:
        session_type: Class of its sessions.
    """

    session_type: type[SteppedSession]

    def begin(self, history: Tensor, conditioning: Tensor, speaker: Tensor) -> Session:
        return self.session_type(self.decoder, history, conditioning, speaker)
