"""Gaussians over the values of a frame: one, or a mixture as in MelNet.

MelNet (Vasquez & Lewis 2019, arXiv 1906.01083, section 3): means are linear, deviations by
softplus, weights by softmax.  Of a real value the density is predicted; of a level, the mass of its
bin.
"""

from __future__ import annotations

from math import log, pi

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.decoders.base import OutputDistribution, Sampling
from wavenet_ae.errors import UserError
from wavenet_ae.schema import PositiveNumber, Width

UNIFORM_STEP = 2.0**-24  # of the uniforms of engines/base.py
NUM_BISECTIONS = 40
NARROW = 0.02  # of a bin, in deviations: density times width is exact to 2e-5
LEAST_MASS = 1e-38
LEAST_DEVIATION = 0.01
START_DEVIATION = 0.5  # of a head that has learned nothing


def level_values(levels: Tensor, num_levels: int) -> Tensor:
    """Returns the middles (...) in (-1, 1) of the bins of levels (...) in [0, num_levels)."""
    return (2 * levels.float() + 1) / num_levels - 1


class Gaussian(OutputDistribution):
    """A Gaussian over a real value; with a fixed deviation its mean is fitted by squared error.

    Parameters (B, 2, W) are the mean and the deviation before softplus, or (B, 1, W) the mean.

    Args:
        levels: Levels of the target, which must have none.
        num_channels: Values of a target, which must be a frame.
        deviation: Deviation of every prediction; None: it is predicted as well.
        least_deviation: Least deviation that is predicted. Digital silence repeats a value exactly,
            and its density would grow without bound.

    Raises:
        ValueError: The target has levels, or is no frame.
    """

    needs_float32 = True

    def __init__(
        self,
        levels: int | None = None,
        num_channels: int | None = None,
        deviation: PositiveNumber | None = None,
        least_deviation: PositiveNumber = LEAST_DEVIATION,
    ) -> None:
        super().__init__()
        if levels is not None:
            raise ValueError(
                f"decoder/output=gaussian predicts real values, but the target has {levels} "
                "levels: set target=log_mel, or decoder/output=categorical"
            )
        _require_frames("gaussian", num_channels)
        self.deviation, self.least_deviation = deviation, least_deviation
        self.num_parameters = 2 if deviation is None else 1

    def nll(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Returns -log N(x; m, s) of values (B, W) in nats, (B, W)."""
        mean, deviation = self._moments(parameters)
        return -_log_density(targets.float(), mean, deviation)

    def sample(self, parameters: Tensor, uniforms: Tensor, sampling: Sampling) -> Tensor:
        mean, deviation = self._moments(parameters)
        if sampling.temperature == 0:
            return mean.to(parameters.dtype)
        quantiles = torch.special.ndtri(uniforms.double() + 0.5 * UNIFORM_STEP)
        return (mean + sampling.temperature * deviation * quantiles).to(parameters.dtype)

    def require_sampling(self, sampling: Sampling) -> None:
        _require_no_levels_chosen("Gaussian", sampling)

    @torch.no_grad()
    def initialize(self, head: nn.Linear) -> None:
        if self.deviation is None:
            head.weight[1] *= 0.1
            head.bias[1] = _before_softplus(1.0)

    def _moments(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Returns means and deviations, (B, ...) float32 each."""
        parameters = parameters.float()
        mean = parameters[:, 0]
        if self.deviation is not None:
            return mean, torch.full_like(mean, self.deviation)
        return mean, F.softplus(parameters[:, 1]) + self.least_deviation


class MixtureOfGaussians(OutputDistribution):
    """A mixture of K Gaussians over a value of a frame.

    Parameters (B, 3 K, W) are logits of the weights, means, and deviations before softplus. Levels
    0 .. N - 1 are values in [-1, 1], in bins of 2 / N:

        P(l) = sum_k w_k (Phi((x + 1/N - m_k) / s_k) - Phi((x - 1/N - m_k) / s_k))

    where x is the middle of the bin; the lowest and the highest bin reach to infinity.

    Args:
        levels: Levels of the target; None of real values.
        num_channels: Values of a target, which must be a frame.
        num_components: Number K of Gaussians.
        least_deviation: Least deviation of a component, see `Gaussian`.

    Raises:
        ValueError: The target is no frame.
    """

    needs_float32 = True

    def __init__(
        self,
        levels: int | None = None,
        num_channels: int | None = None,
        num_components: Width = 5,
        least_deviation: PositiveNumber = LEAST_DEVIATION,
    ) -> None:
        super().__init__()
        _require_frames("mixture_of_gaussians", num_channels)
        self.levels, self.least_deviation = levels, least_deviation
        self.num_parameters = 3 * num_components

    def nll(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Returns -log of the density of values, or of the mass of levels, (B, W) in nats."""
        logits, means, deviations = self._components(parameters)  # (B, K, W) each
        targets = targets[:, None]  # (B, 1, W)
        if self.levels is None:
            of_component = _log_density(targets.float(), means, deviations)
        else:
            of_component = self._log_mass(targets, means, deviations)
        return -torch.logsumexp(F.log_softmax(logits, dim=1) + of_component, dim=1)

    def _log_mass(self, targets: Tensor, means: Tensor, deviations: Tensor) -> Tensor:
        """Returns the logarithm (B, K, W) of each component's mass in the bins of levels."""
        assert self.levels is not None
        values, half = level_values(targets, self.levels), 1 / self.levels
        upper, lower = (values + half - means) / deviations, (values - half - means) / deviations
        # Phi(b) - Phi(a) = Phi(-a) - Phi(-b): in the lower tail no digit is lost.
        flips = (upper + lower) > 0
        far, near = torch.where(flips, -upper, lower), torch.where(flips, -lower, upper)
        above, below = torch.special.log_ndtr(near), torch.special.log_ndtr(far)
        share = (-torch.expm1(below - above)).clamp_min(LEAST_MASS)
        mass = above + share.log()
        thin = _log_density(values, means, deviations) + log(2 * half)
        mass = torch.where(near - far < NARROW, thin, mass)
        mass = torch.where(targets == 0, torch.special.log_ndtr(upper), mass)
        return torch.where(targets == self.levels - 1, torch.special.log_ndtr(-lower), mass)

    def sample(self, parameters: Tensor, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Returns the values, or the least levels, (B,) below which `uniforms` of the mass lie.

        A temperature divides the logits of the components and multiplies their deviations; at 0 the
        mean of the most probable component is returned.
        """
        logits, means, deviations = (each.double() for each in self._components(parameters))
        if sampling.temperature == 0:
            value = means.gather(1, logits.argmax(dim=1, keepdim=True))[:, 0]
            return self._nearest(value, parameters.dtype)
        shares = (logits / sampling.temperature).softmax(dim=1)  # (B, K)
        deviations = deviations * sampling.temperature
        quantile = uniforms.double() + 0.5 * UNIFORM_STEP
        low = (means - 8 * deviations).amin(dim=1)
        high = (means + 8 * deviations).amax(dim=1)
        for _ in range(NUM_BISECTIONS):
            middle = (low + high) / 2
            below = (shares * torch.special.ndtr((middle[:, None] - means) / deviations)).sum(dim=1)
            low = torch.where(below <= quantile, middle, low)
            high = torch.where(below <= quantile, high, middle)
        return self._nearest(high, parameters.dtype)

    def _nearest(self, values: Tensor, dtype: torch.dtype) -> Tensor:
        """Returns values as they are, or the levels in whose bins they lie."""
        if self.levels is None:
            return values.to(dtype)
        return ((values + 1) / 2 * self.levels).floor().long().clamp(0, self.levels - 1)

    def require_sampling(self, sampling: Sampling) -> None:
        _require_no_levels_chosen("mixture of Gaussians", sampling)

    @torch.no_grad()
    def initialize(self, head: nn.Linear) -> None:
        """Starts from components that lie side by side, whatever the frame."""
        num_components = self.num_parameters // 3
        span = 1.5 if self.levels is None else 1.0
        logits, means, deviations = head.bias.split(num_components)
        logits.zero_()
        means.copy_(torch.linspace(-span, span, num_components))
        deviations.fill_(_before_softplus(START_DEVIATION))

    def _components(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns logits, means and deviations, (B, K, ...) float32 each."""
        logits, means, deviations = parameters.float().chunk(3, dim=1)
        return logits, means, F.softplus(deviations) + self.least_deviation


def _log_density(values: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    distance = (values - mean) / deviation
    return -0.5 * distance.square() - deviation.log() - 0.5 * log(2 * pi)


def _before_softplus(value: float) -> float:
    return float(torch.tensor(value).expm1().log())


def _require_frames(option: str, num_channels: int | None) -> None:
    if num_channels is None:
        raise ValueError(
            f"decoder/output={option} predicts the values of frames, but the target is a sample: "
            "set target=log_mel or discretized_mel, or another decoder/output"
        )


def _require_no_levels_chosen(kind: str, sampling: Sampling) -> None:
    if sampling.top_k or sampling.top_p < 1:
        raise UserError(
            f"top_k is {sampling.top_k} and top_p is {sampling.top_p:g}, but this model predicts "
            f"a {kind}, whose values are not chosen among levels: set top_k=0 and top_p=1, and "
            "lower temperature"
        )
