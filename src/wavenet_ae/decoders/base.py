"""The contracts of decoders and of the distributions that they predict."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from wavenet_ae.decoders.sampling import Sampling
from wavenet_ae.geometry import Chain


class OutputDistribution(nn.Module):
    """A distribution over the next target, given by parameters that a decoder computes.

    Attributes:
        num_parameters: Channels P that describe the distribution of one target.
        needs_float32: Whether parameters must not be rounded to bfloat16 under autocast.
    """

    num_parameters: int

    def nll(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Returns -log p of targets (B, W) in nats, (B, W), given parameters (B, P, W)."""
        raise NotImplementedError

    def sample(self, parameters: Tensor, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Returns targets (B,) of the distributions with parameters (B, P).

        Args:
            parameters: Parameters (B, P) of each stream's distribution.
            uniforms: Numbers (B,) in [0, 1), the quantiles that are returned.
            sampling: Changes to the distribution.
        """
        raise NotImplementedError

    needs_float32: ClassVar[bool] = False

    def head(self, linear: nn.Linear, hidden: Tensor) -> Tensor:
        """Returns the parameters (..., P) that the last layer of a decoder computes.

        Where the distribution needs float32, autocast is off: eight bits of a mean are too few.
        """
        if not self.needs_float32:
            return linear(hidden)
        with torch.autocast(hidden.device.type, enabled=False):
            return linear(hidden.to(linear.weight.dtype))

    def initialize(self, head: nn.Linear) -> None:
        """Sets the last layer of a decoder so that training starts well; by default it stays."""

    def require_sampling(self, sampling: Sampling) -> None:
        """Raises UserError where the distribution cannot be sampled in this way."""


class Decoder(nn.Module):
    """Predicts each target from those before it, conditioning vectors and the speaker.

    `forward` predicts a window at once, for training; `prime` and `step` predict one target after
    another, for generation.  Both give the same parameters: `forward` over R + W - 1 targets equals
    `prime` with the first R - 1 of them and W steps.

    Conditioning vector m is held for positions m * hop .. (m + 1) * hop - 1 of the outputs of the
    chain's first layer.

    Attributes:
        chain: Geometry from past targets to predictions; its receptive field is R.
        conditioning_hop: Positions for which one conditioning vector is held.
        output: Distribution whose parameters are predicted.
        input: Maps targets (...) to vectors (..., dim); all that the decoder does with a target.
        has_fixed_context: Whether a prediction is a function of the last R targets alone.  Where it
            is not, as in a recurrent decoder, R targets warm the state up in training, and a
            stream that is generated remembers all of its past.
    """

    chain: Chain
    conditioning_hop: int
    output: OutputDistribution
    input: nn.Module
    has_fixed_context: ClassVar[bool] = True

    def forward(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns parameters (B, P, W) of the predicted distributions.

        Args:
            past: Targets (B, R + W - 1); prediction w is of the one that follows `past[:, R-1+w]`.
            conditioning: Vectors (B, C, M).
            speaker: Rows (B,) of the speaker embedding.
        """
        raise NotImplementedError

    def project(self, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns conditioning (B, C, M) as `step` takes it: (M, ...), one item a vector."""
        raise NotImplementedError

    def prime(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> Any:
        """Returns the state after targets (B, R - 1), given conditioning (B, C, M)."""
        raise NotImplementedError

    def step(self, newest: Tensor, conditioning: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Returns parameters (B, P) of the next target and the new state.

        Args:
            newest: The newest targets (B,).
            conditioning: The item of `project` that is held for its position.
            state: From `prime` or `step`; it may be changed in place.
        """
        raise NotImplementedError
