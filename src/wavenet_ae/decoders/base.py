"""The contract of decoders: how past targets enter them, and the distributions they predict."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.errors import ArgumentError
from wavenet_ae.geometry import Chain
from wavenet_ae.types import ModelOutput


@dataclass(frozen=True)
class Sampling:
    """Settings of sampling.  The defaults sample from the model's own distribution.

    Attributes:
        temperature: Spread of the distribution relative to the model's own; 0 takes its mode.
        top_k: Only the `top_k` most probable levels are possible; 0 allows all.
        top_p: Only the fewest levels whose probabilities add up to `top_p` are possible
            (Holtzman et al. 2019, arXiv 1904.09751).

    Raises:
        ArgumentError: A value is no number, or out of range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        temperature, top_k, top_p = self.temperature, self.top_k, self.top_p
        if not (_is(temperature, Real) and temperature >= 0):
            raise ArgumentError(f"temperature is {temperature!r}, but must be a number from 0 on")
        if not (_is(top_k, Integral) and top_k >= 0):
            wanted = "a whole number from 0 on (0: all levels)"
            raise ArgumentError(f"top_k is {top_k!r}, but must be {wanted}")
        if not (_is(top_p, Real) and 0 < top_p <= 1):
            raise ArgumentError(f"top_p is {top_p!r}, but must lie above 0 and be at most 1")


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


class OutputDistribution(nn.Module):
    """A distribution over the next target, given by parameters that a decoder computes.

    A target is one number, or a frame of C values.

    Attributes:
        num_parameters: Channels P that describe the distribution of one target.
        needs_float32: Whether parameters must not be rounded to bfloat16 under autocast.
    """

    num_parameters: int

    def nll(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Returns -log p of targets (B, W) in nats, (B, W), given parameters (B, P, W).

        For frames (B, W, C), it is the sum over the values of each frame.
        """
        raise NotImplementedError

    def sample(self, parameters: Tensor, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Returns targets (B,) of the distributions with parameters (B, P).

        Args:
            parameters: Parameters (B, P) of each stream's distribution.
            uniforms: Numbers (B,) in [0, 1), the quantiles that are returned; (B, C) for frames.
            sampling: Changes to the distribution.
        """
        raise NotImplementedError

    needs_float32: bool = False

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

    A decoder of frames may read conditioning alone. What it is given as past it ignores, and it
    predicts as many targets as the conditioning allows, which may be more than W.

    Attributes:
        chain: Geometry from past targets to predictions; its receptive field is R.
        conditioning_hop: Positions for which one conditioning vector is held.
        output: Distribution whose parameters are predicted.
        input: Maps targets (...) to vectors (..., dim); all that the decoder does with a target.
        delay: Targets from the last position whose conditioning a prediction reads to the target
            itself, see `Alignment`.
        reads_past: Whether it reads past targets at all.
        has_fixed_context: Whether a prediction is a function of the last R targets alone.  Where it
            is not, as in a recurrent decoder, R targets warm the state up in training, and a
            stream that is generated remembers all of its past.
    """

    chain: Chain
    conditioning_hop: int
    output: OutputDistribution
    input: nn.Module
    delay: int = 1
    reads_past: ClassVar[bool] = True
    has_fixed_context: ClassVar[bool] = True

    def forward(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns parameters (B, P, W) of the predicted distributions.

        Args:
            past: Targets (B, R + W - 1), or frames (B, R + W - 1, C); prediction w is of the one
                that follows `past[:, R-1+w]`.
            conditioning: Vectors (B, C, M).
            speaker: Rows (B,) of the speaker embedding.
        """
        raise NotImplementedError

    def predict(
        self, targets: Tensor, conditioning: Tensor, speaker: Tensor, plan: WindowPlan
    ) -> ModelOutput:
        """Returns the predictions of `plan.targets` and what they cost.

        Args:
            targets: Targets (B, ...) or frames (B, ..., C) of `plan.target_input`.
            conditioning: Vectors (B, C, M).
            speaker: Rows (B,).
            plan: Where the parts of the window lie.
        """
        parameters = self(targets[:, plan.decoder_input], conditioning, speaker)
        parameters = parameters[..., : plan.num_targets]  # (B, P, W)
        predicted = targets[:, plan.targets]
        nll = self.output.nll(parameters, predicted)  # (B, W)
        return ModelOutput(nll, parameters, predicted)

    def project(self, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns conditioning (B, C, M) as `step` takes it: (M, ...), one item a vector."""
        raise NotImplementedError

    def prime(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> Any:
        """Returns the state after targets (B, R - 1), given conditioning (B, C, M)."""
        raise NotImplementedError

    def step(self, newest: Tensor, conditioning: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Returns parameters (B, P) of the next target and the new state.

        Args:
            newest: The newest targets (B,), or frames (B, C).
            conditioning: The item of `project` that is held for its position.
            state: From `prime` or `step`; it may be changed in place.
        """
        raise NotImplementedError


class Categorical(OutputDistribution):
    """A softmax over levels, as in WaveNet (arXiv 1609.03499, section 2.2).

    Args:
        levels: Number of levels of the target.

    Raises:
        ValueError: The target has no levels.
    """

    def __init__(self, levels: int | None = 256) -> None:
        super().__init__()
        if levels is None:
            raise ValueError(
                "decoder/output=categorical needs a target with levels: set target=mu_law, or "
                "decoder/output=mixture_of_logistics"
            )
        self.num_parameters = levels

    def nll(self, parameters: Tensor, targets: Tensor) -> Tensor:
        # The logits are time-major in memory: seen so, neither side is copied.
        logits = parameters.permute(2, 0, 1)  # (W, B, P)
        losses = F.cross_entropy(
            logits.flatten(0, 1).float(), targets.t().flatten(), reduction="none"
        )
        return losses.view(logits.shape[:2]).t()

    def sample(self, parameters: Tensor, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Returns levels (B,) int64 by the inverse of the distribution function."""
        if sampling.temperature == 0:
            return parameters.argmax(dim=1)
        logits = _possible(parameters.float() / sampling.temperature, sampling)
        share = logits.softmax(dim=1).cumsum(dim=1)  # (B, P), rising to about 1
        below = share <= (uniforms * share[:, -1])[:, None]
        return below.sum(dim=1).clamp_max(logits.shape[1] - 1)


def _possible(logits: Tensor, sampling: Sampling) -> Tensor:
    """Returns logits (B, P), minus infinity for each level that top-k and top-p rule out."""
    if 0 < sampling.top_k < logits.shape[1]:
        least = logits.topk(sampling.top_k, dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if sampling.top_p < 1:
        ordered, levels = logits.sort(dim=1, descending=True)
        before = ordered.softmax(dim=1).cumsum(dim=1) - ordered.softmax(dim=1)
        ordered = ordered.masked_fill(before >= sampling.top_p, -torch.inf)  # the first one stays
        logits = torch.empty_like(logits).scatter_(1, levels, ordered)
    return logits


MU = 255  # of the companding of amplitudes, ITU-T G.711


class LevelEmbedding(nn.Module):
    """Embeds levels; neighboring levels start alike, so that waveforms start as waveforms.

    Args:
        levels: Number of levels.
        dim: Channels of an embedding.
    """

    def __init__(self, levels: int, dim: int) -> None:
        super().__init__()
        ramp = torch.linspace(-1, 1, levels)[:, None]
        bend = (ramp.abs() - 0.5) * 0.5
        noise = torch.randn(levels, dim) / (1000 * dim) ** 0.5
        self.weight = nn.Parameter(ramp * torch.randn(1, dim) + bend * torch.randn(1, dim) + noise)

    def forward(self, targets: Tensor) -> Tensor:
        """Returns vectors (..., dim) of levels (...) int64."""
        return F.embedding(targets, self.weight)


class AmplitudeProjection(nn.Module):
    """Maps amplitudes in [-1, 1) to vectors, outside autocast: bfloat16 would lose half the bits.

    A vector is an affine map of the amplitude, of the mu-law companded amplitude, in which quiet
    samples differ as much as loud ones, and of its magnitude.

    Args:
        dim: Channels of a vector.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, dim))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, targets: Tensor) -> Tensor:
        """Returns vectors (..., dim) of amplitudes (...)."""
        amplitude = targets.to(self.weight.dtype).contiguous()[..., None]
        companded = amplitude.sign() * torch.log1p(MU * amplitude.abs()) / log(1 + MU)
        linear, slope, bend = self.weight
        return amplitude * linear + companded * slope + companded.abs() * bend + self.bias


def target_input(levels: int | None, dim: int) -> nn.Module:
    """Returns the input of a decoder: of levels, or of amplitudes where there are none."""
    return AmplitudeProjection(dim) if levels is None else LevelEmbedding(levels, dim)
