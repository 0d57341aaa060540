"""The decoder's own `step`, on any device."""

from __future__ import annotations

from torch import Tensor

from wavenet_ae.generation.engines.base import Engine, Session


class ReferenceSession(Session):
    def step(self, level: Tensor, held: Tensor) -> Tensor:
        logits, self.state = self.decoder.step(level, held, self.state)
        return logits


class ReferenceEngine(Engine):
    session_type = ReferenceSession
