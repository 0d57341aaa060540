"""A discretized mixture of logistics over 16-bit samples.

PixelCNN++ (Salimans et al. 2017, arXiv 1701.05517, section 2.1), with which Parallel WaveNet
(arXiv 1711.10433, section 4) and later WaveNets predict 16-bit audio.
"""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.audio.waveforms import FULL_SCALE
from wavenet_ae.decoders.base import OutputDistribution, Sampling
from wavenet_ae.errors import UserError
from wavenet_ae.schema import AtMost, Width

NUM_BITS = 16
HALF_STEP = 0.5 / FULL_SCALE  # half the distance of two amplitudes
UNIFORM_STEP = 2.0**-24  # of the uniforms of engines/uniforms.py
MOST_LOG_SCALE = 7.0  # a scale of a thousand times full scale


class MixtureOfLogistics(OutputDistribution):
    """A mixture of K logistics whose mass in the bin of an amplitude is its probability:

        P(x) = sum_k w_k (F((x + h - m_k) / s_k) - F((x - h - m_k) / s_k)),  F the sigmoid

    where h is half a step of 1 / 32768; the lowest and the highest bin reach to infinity.
    Parameters (B, 3 K, W) are logits of w, then means m, then logarithms of the scales s.

    Args:
        levels: Levels of the target, which must have none.
        num_channels: Values of a target that is a frame; it must be a sample.
        num_components: Number K of logistics.
        least_log_scale: Least logarithm of a scale; -10 is about one and a half steps.

    Raises:
        ValueError: The target has levels, or is a frame.
    """

    needs_float32 = True

    def __init__(
        self,
        levels: int | None = None,
        num_channels: int | None = None,
        num_components: Width = 10,
        least_log_scale: Annotated[float, AtMost(0)] = -10.0,
    ) -> None:
        super().__init__()
        if levels is not None:
            raise ValueError(
                "decoder/output=mixture_of_logistics predicts 16-bit amplitudes, but the target "
                f"has {levels} levels: set target=pcm, or decoder/output=categorical"
            )
        if num_channels is not None:
            raise ValueError(
                "decoder/output=mixture_of_logistics predicts 16-bit amplitudes, but the target is "
                "a frame: set target=pcm, or decoder/output=mixture_of_gaussians"
            )
        self.num_parameters = 3 * num_components
        self.least_log_scale = least_log_scale

    def nll(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Returns -log P of amplitudes (B, W) in nats, (B, W).

        With a = (x + h - m) / s and b = (x - h - m) / s the mass of a bin is
        F(a) - F(b) = F(a) F(-b) (1 - exp(b - a)), whose logarithm needs no approximation.
        """
        weights, means, log_scales = self._components(parameters)  # (B, K, W) each
        amplitude = targets.float()[:, None]  # (B, 1, W)
        precision = torch.exp(-log_scales)
        upper = (amplitude + HALF_STEP - means) * precision
        lower = (amplitude - HALF_STEP - means) * precision
        below_upper, above_lower = F.logsigmoid(upper), F.logsigmoid(-lower)
        inside = torch.log(-torch.expm1(-2 * HALF_STEP * precision))
        is_lowest, is_highest = amplitude <= -1, amplitude >= 1 - 2 * HALF_STEP
        mass = below_upper + above_lower + inside
        mass = torch.where(is_lowest, below_upper, torch.where(is_highest, above_lower, mass))
        return -torch.logsumexp(F.log_softmax(weights, dim=1) + mass, dim=1)

    def sample(self, parameters: Tensor, uniforms: Tensor, sampling: Sampling) -> Tensor:
        """Returns amplitudes (B,) float32: the least ones below which `uniforms` of the mass lie.

        A temperature divides the logits of the components and multiplies their scales; at 0 the
        mean of the most probable component is returned.
        """
        weights, means, log_scales = self._components(parameters[..., None])  # (B, K, 1) each
        if sampling.temperature == 0:
            best = weights.argmax(dim=1, keepdim=True)
            return _rounded(means.gather(1, best)[:, 0, 0])
        # In float64 and between two uniforms: else rounding would return the ends of the range for
        # uniforms of 0 and of almost 1, which is a click.
        shares = (weights.double() / sampling.temperature).softmax(dim=1)[..., 0]
        precision = (torch.exp(-log_scales.double()) / sampling.temperature)[..., 0]
        means, uniforms = means.double()[..., 0], uniforms.double() + 0.5 * UNIFORM_STEP
        step = torch.zeros_like(uniforms, dtype=torch.int64)  # steps above the lowest amplitude
        for bit in reversed(range(NUM_BITS)):
            higher = step + 2**bit
            edge = (
                higher - FULL_SCALE
            ).double() / FULL_SCALE - HALF_STEP  # of the bins below `higher`
            below = (shares * torch.sigmoid((edge[:, None] - means) * precision)).sum(dim=1)
            step = torch.where(below <= uniforms, higher, step)
        return (step - FULL_SCALE).float() / FULL_SCALE

    @torch.no_grad()
    def initialize(self, head: nn.Linear) -> None:
        """Starts from scales of speech, from a whisper to a shout, around silence."""
        num_components = self.num_parameters // 3
        head.weight[num_components:] *= 0.1
        head.bias[num_components:-num_components] = 0
        head.bias[-num_components:] = torch.linspace(-7, -2, num_components)

    def require_sampling(self, sampling: Sampling) -> None:
        if sampling.top_k or sampling.top_p < 1:
            raise UserError(
                f"top_k is {sampling.top_k} and top_p is {sampling.top_p:g}, but this model "
                "predicts a mixture of logistics, which has no levels to choose from: set "
                "top_k=0 and top_p=1, and lower temperature"
            )

    def _components(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns logits, means and logarithms of scales, (B, K, W) float32 each."""
        weights, means, log_scales = parameters.float().chunk(3, dim=1)
        return weights, means, log_scales.clamp(self.least_log_scale, MOST_LOG_SCALE)


def _rounded(amplitudes: Tensor) -> Tensor:
    """Returns the nearest amplitudes of 16 bits."""
    return (amplitudes * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1) / FULL_SCALE
