"""A recurrent decoder of samples, one tier of SampleRNN (Mehri et al. 2017, arXiv 1612.07837)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.decoders.base import Decoder, OutputDistribution, target_input
from wavenet_ae.geometry import Chain, Down
from wavenet_ae.schema import Width


@dataclass(frozen=True)
class GRUState:
    """State of B streams.

    Attributes:
        hidden: Hidden state (1, B, H) after the newest target but one.
    """

    hidden: Tensor


class GRUDecoder(Decoder):
    """A gated recurrent unit over past targets, conditioning and speaker.

    In training its state starts at 0 `context` targets before the first prediction of a window; in
    generation it remembers the whole stream.

    Args:
        conditioning_dim: Channels C of the conditioning.
        num_speakers: Rows of the speaker embedding.
        output: Distribution that is predicted.
        conditioning_hop: Positions for which one conditioning vector is held.
        levels: Levels of a discrete target, None where targets are amplitudes.
        context: Past targets that a prediction reads in training, at least.
        hidden: Channels H of the state.
        post: Channels between state and output.
    """

    has_fixed_context: ClassVar[bool] = False

    def __init__(
        self,
        conditioning_dim: int,
        num_speakers: int,
        output: OutputDistribution,
        conditioning_hop: int = 1,
        levels: int | None = 256,
        context: Width = 512,
        hidden: Width = 128,
        post: Width = 128,
    ) -> None:
        super().__init__()
        # A target and the conditioning at its position enter together, then all of the past counts.
        self.chain = Chain((Down(1, anchor="last"), Down(context, anchor="last", name="recurrent")))
        self.conditioning_hop, self.output = conditioning_hop, output
        self.input = target_input(levels, hidden)
        self.conditioning = nn.Linear(conditioning_dim, hidden)
        self.speakers = nn.Embedding(num_speakers, hidden)
        nn.init.normal_(self.speakers.weight, std=0.3)
        self.recurrent = nn.GRU(hidden, hidden)
        self.post = nn.Linear(hidden, post)
        self.head = nn.Linear(post, output.num_parameters)
        output.initialize(self.head)

    def forward(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> Tensor:
        states = self._run(past, self.project(conditioning, speaker))  # (R + W - 1, B, H)
        predicted = states[self.chain.receptive_field - 1 :]  # (W, B, H)
        return self._predict(predicted).permute(1, 2, 0)  # (B, P, W)

    def project(self, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns what conditioning (B, C, M) and speakers (B,) add to the input: (M, B, H)."""
        return self.conditioning(conditioning.permute(2, 0, 1)) + self.speakers(speaker)

    def prime(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> GRUState:
        if not past.shape[1]:
            return GRUState(self.post.weight.new_zeros(1, len(past), self.recurrent.hidden_size))
        return GRUState(self._run(past, self.project(conditioning, speaker))[-1:])

    def step(
        self, newest: Tensor, conditioning: Tensor, state: GRUState
    ) -> tuple[Tensor, GRUState]:
        inputs = self.input(newest) + conditioning  # (B, H)
        output, hidden = self.recurrent(inputs[None], state.hidden)
        return self._predict(output[0]), GRUState(hidden)

    def _run(self, past: Tensor, frames: Tensor) -> Tensor:
        """Returns the states (T, B, H) after each of T targets, the first state being 0."""
        held = frames.repeat_interleave(self.conditioning_hop, dim=0)[: past.shape[1]]  # (T, B, H)
        return self.recurrent(self.input(past.t()) + held)[0]

    def _predict(self, states: Tensor) -> Tensor:
        return self.output.head(self.head, F.relu(self.post(torch.relu(states))))
