"""What every engine is, and how conditioning is handed to it in chunks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from wavenet_ae.decoders import WaveNet
from wavenet_ae.engines.sampling import Sampling


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
        """The next levels (B, n) int64, drawn by uniforms (B, n)."""

    @abstractmethod
    def score(self, levels: Tensor) -> Tensor:
        """Logits (B, Q, n) of the next levels (B, n), which are those given, whatever is likely."""

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

    history       levels so far (B, R), R the receptive field
    conditioning  (B, C, M) as for the decoder's `forward`: vector 0 is held from the first layer's
                  first output on.  It must reach as far as `history`; more may come by `extend`
    speaker       rows (B,)
    """

    @torch.no_grad()
    def __init__(
        self, decoder: WaveNet, history: Tensor, conditioning: Tensor, speaker: Tensor
    ) -> None:
        self.decoder, self.speaker = decoder, speaker
        self.hop = decoder.conditioning_hop
        self.state = decoder.prime(history[:, :-1], conditioning, speaker)
        self.level = history[:, -1]  # not yet stepped over
        self.position = history.shape[1] - decoder.chain.layers[0].input_length(1)
        self.first_held = self.position // self.hop
        self.held = decoder.project(conditioning[..., self.first_held :], speaker)

    @abstractmethod
    def step(self, level: Tensor, held: Tensor) -> Tensor:
        """Levels (B,), projected conditioning (L, B, 2G) -> logits (B, Q) of the next levels."""

    @torch.no_grad()
    def extend(self, conditioning: Tensor) -> None:
        self._hold(self.decoder.project(conditioning, self.speaker))

    @torch.no_grad()
    def generate(self, uniforms: Tensor, sampling: Sampling) -> Tensor:
        self._require_ready(uniforms.shape[1])
        drawn = torch.empty(uniforms.shape, dtype=torch.int64, device=uniforms.device)
        for index, column in enumerate(uniforms.t()):
            self.level = sampling.draw(self._next_logits(), column)
            drawn[:, index] = self.level
        return drawn

    @torch.no_grad()
    def score(self, levels: Tensor) -> Tensor:
        self._require_ready(levels.shape[1])
        logits = []
        for column in levels.t():
            logits.append(self._next_logits())
            self.level = column
        return torch.stack(logits, dim=2)

    def _next_logits(self) -> Tensor:
        held = self.held[self.position // self.hop - self.first_held]
        self.position += 1
        return self.step(self.level, held)


class Engine(ABC):
    """A way to generate with a decoder.

    name  as `make_engine` knows it
    """

    name: ClassVar[str]

    def __init__(self, decoder: WaveNet) -> None:
        self.decoder = decoder

    @abstractmethod
    def begin(self, history: Tensor, conditioning: Tensor, speaker: Tensor) -> Session:
        """Start streams from what a SteppedSession takes."""


class SteppedEngine(Engine):
    """session_type  its kind of session"""

    session_type: type[SteppedSession]

    def begin(self, history: Tensor, conditioning: Tensor, speaker: Tensor) -> Session:
        return self.session_type(self.decoder, history, conditioning, speaker)
