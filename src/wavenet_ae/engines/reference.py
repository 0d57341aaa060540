"""The decoder's own `step`, on any device."""

from __future__ import annotations

from torch import Tensor

from wavenet_ae.engines.base import SteppedEngine, SteppedSession


class ReferenceSession(SteppedSession):
    def step(self, level: Tensor, held: Tensor) -> Tensor:
        logits, self.state = self.decoder.step(level, held, self.state)
        return logits


class ReferenceEngine(SteppedEngine):
    name = "reference"
    session_type = ReferenceSession
