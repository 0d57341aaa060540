"""The decoder's own `step`, on any device."""

from __future__ import annotations

from torch import Tensor

from wavenet_ae.engines.base import SteppedEngine, SteppedSession


class ReferenceSession(SteppedSession):
    def step(self, newest: Tensor, held: Tensor) -> Tensor:
        parameters, self.state = self.decoder.step(newest, held, self.state)
        return parameters


class ReferenceEngine(SteppedEngine):
    name = "reference"
    session_type = ReferenceSession
