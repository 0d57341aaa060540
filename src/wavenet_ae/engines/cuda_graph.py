"""The decoder's `step` captured once as a CUDA graph and replayed: no kernel is launched by Python.

The graph reads and writes tensors that stay where they are; `step` copies in and out of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wavenet_ae.decoders import Decoder, WaveNet
from wavenet_ae.engines.base import SteppedEngine, SteppedSession

WARM_UP_STEPS = 3  # before a capture, for libraries to choose their kernels


class CudaGraphSession(SteppedSession):
    def __init__(
        self, decoder: Decoder, history: Tensor, conditioning: Tensor, speaker: Tensor
    ) -> None:
        super().__init__(decoder, history, conditioning, speaker)
        self.graph_newest = self.newest.clone()
        self.graph_held = self.held.new_zeros(self.held.shape[1:])
        self._capture()

    @torch.no_grad()
    def _capture(self) -> None:
        """Records a step; the state is put back to what it was before."""
        before = [each.clone() for each in (*self.state.rings, self.state.position)]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP_STEPS):
                self.decoder.step(self.graph_newest, self.graph_held, self.state)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.graph_parameters, _ = self.decoder.step(
                self.graph_newest, self.graph_held, self.state
            )
        for now, then in zip((*self.state.rings, self.state.position), before, strict=True):
            now.copy_(then)

    def step(self, newest: Tensor, held: Tensor) -> Tensor:
        self.graph_newest.copy_(newest)
        self.graph_held.copy_(held)
        self.graph.replay()
        return self.graph_parameters.clone()


class CudaGraphEngine(SteppedEngine):
    name = "cuda_graph"
    session_type = CudaGraphSession

    @classmethod
    def unfit(cls, decoder: Decoder) -> str | None:
        if not isinstance(decoder, WaveNet):
            return f"it steps a WaveNet, but the decoder is {type(decoder).__name__}"
        device = next(decoder.parameters()).device.type
        return None if device == "cuda" else f"it needs a CUDA device, but the model is on {device}"
