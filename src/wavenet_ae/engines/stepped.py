"""Engines that step the decoder in torch: its own `step`, or that step as a CUDA graph."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from wavenet_ae.decoders import Decoder, Sampling, WaveNet
from wavenet_ae.engines.base import Engine, Session

WARM_UP_STEPS = 3  # before a capture, for libraries to choose their kernels


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
        for index, column in enumerate(uniforms.unbind(1)):
            self.newest = self.decoder.output.sample(self._next_parameters(), column, sampling)
            targets[:, index] = self.newest
        return targets

    @torch.no_grad()
    def score(self, targets: Tensor) -> Tensor:
        self._require_ready(targets.shape[1])
        parameters = []
        for column in targets.unbind(1):
            parameters.append(self._next_parameters())
            self.newest = column
        return torch.stack(parameters, dim=2)

    def _next_parameters(self) -> Tensor:
        held = self.held[self.position // self.hop - self.first_held]
        self.position += 1
        return self.step(self.newest, held)


class SteppedEngine(Engine):
    """An engine whose sessions step the decoder in torch.

    Attributes:
        session_type: Class of its sessions.
    """

    session_type: type[SteppedSession]

    def begin(self, history: Tensor, conditioning: Tensor, speaker: Tensor) -> Session:
        return self.session_type(self.decoder, history, conditioning, speaker)


class ReferenceSession(SteppedSession):
    def step(self, newest: Tensor, held: Tensor) -> Tensor:
        parameters, self.state = self.decoder.step(newest, held, self.state)
        return parameters


class ReferenceEngine(SteppedEngine):
    name = "reference"
    session_type = ReferenceSession


class CudaGraphSession(SteppedSession):
    """Streams whose step is captured once and replayed: Python launches no kernel.

    The graph reads and writes tensors that stay where they are; `step` copies in and out of them.
    """

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
