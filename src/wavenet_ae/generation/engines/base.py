"""What every engine is, and how conditioning is handed to it in chunks."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from wavenet_ae.decoders import WaveNet
from wavenet_ae.generation.sampling import Sampling


class Session(ABC):
    """Streams that are being generated.

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
        # Positions count from vector 0's first; those before this one have been used.
        self.position = history.shape[1] - decoder.chain.layers[0].input_length(1)
        self.first_held = self.position // self.hop  # the vector with which `held` begins
        self.held = decoder.project(conditioning[..., self.first_held :], speaker)

    @abstractmethod
    def step(self, level: Tensor, held: Tensor) -> Tensor:
        """Levels (B,), projected conditioning (L, B, 2G) -> logits (B, Q) of the next levels."""

    @property
    def num_ready(self) -> int:
        """Samples that the conditioning handed in so far reaches."""
        return (self.first_held + len(self.held)) * self.hop - self.position

    @torch.no_grad()
    def extend(self, conditioning: Tensor) -> None:
        """Hand in the next conditioning (B, C, M); what has been used is forgotten."""
        used = min(self.position // self.hop - self.first_held, len(self.held))
        more = self.decoder.project(conditioning, self.speaker)
        self.held = torch.cat([self.held[used:], more])
        self.first_held += used

    @torch.no_grad()
    def generate(self, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """The next levels (B, n) int64, drawn by uniforms (B, n)."""
        self._require_ready(uniforms.shape[1])
        drawn = torch.empty(uniforms.shape, dtype=torch.int64, device=uniforms.device)
        for index, column in enumerate(uniforms.t()):
            self.level = sampling.draw(self._next_logits(), column)
            drawn[:, index] = self.level
        return drawn

    @torch.no_grad()
    def score(self, levels: Tensor) -> Tensor:
        """Logits (B, Q, n) of the next levels (B, n), which are those given, whatever is likely."""
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

    def _require_ready(self, num_samples: int) -> None:
        if num_samples > self.num_ready:
            raise ValueError(
                f"{num_samples} samples are asked for, but conditioning is there for "
                f"{self.num_ready}"
            )


class Engine:
    """A way to step a decoder.

    session_type  its kind of session
    """

    session_type: type[Session]

    def __init__(self, decoder: WaveNet) -> None:
        self.decoder = decoder

    def begin(self, history: Tensor, conditioning: Tensor, speaker: Tensor) -> Session:
        """Start streams; see Session."""
        return self.session_type(self.decoder, history, conditioning, speaker)
