"""Negative log-likelihood of the waveform plus weighted losses of the bottleneck, in nats."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.distributed import all_reduce_mean
from wavenet_ae.schema import NonNegative, NonNegativeNumber
from wavenet_ae.types import CodeWeighting, ModelOutput


def code_weights(plan: WindowPlan, weighting: CodeWeighting) -> Tensor:
    """(N,) float32: how much each code of a window weighs.

    sequence  usage / (full_usage * W)   over windows that tile an utterance, each code once: the
                                         ELBO per sample
    mean      usage / sum(usage)         the scale on which a commitment of 0.25 is usual
    context   usage / W                  every predicted sample pays for every code that it reads
    """
    usage = torch.tensor(plan.usage, dtype=torch.float64)
    if weighting == "sequence":
        weights = usage / (plan.full_usage * plan.num_targets)
    elif weighting == "mean":
        weights = usage / usage.sum()
    elif weighting == "context":
        weights = usage / plan.num_targets
    else:
        raise ValueError(f"code_weighting is {weighting!r}; there are sequence, mean, context")
    return weights.float()


def negative_log_likelihood(output: ModelOutput) -> Tensor:
    """-log p of each target in nats: (B, W)."""
    # The logits are time-major in memory: seen so, neither side is copied.
    logits = output.logits.permute(2, 0, 1)  # (W, B, Q)
    losses = F.cross_entropy(
        logits.flatten(0, 1).float(), output.targets.t().flatten(), reduction="none"
    )
    return losses.view(logits.shape[:2]).t()


@dataclass(frozen=True)
class Loss:
    """What a step minimizes, and what it is made of.

    total       what is minimized
    nll         nats per sample
    terms       each weighted bottleneck term
    elbo        bound per sample, its KL neither clamped nor annealed; None without KL
    sample_nll  (B * L, W) nats of each predicted sample, without gradient
    """

    total: Tensor
    nll: Tensor
    terms: dict[str, Tensor]
    elbo: Tensor | None
    sample_nll: Tensor


class WaveformObjective:
    """NLL + sum over terms of weight(step) * sum_c w[c] * mean_b loss[b, c].

    A term that is defined only on a batch, such as an entropy, comes as a scalar: it is weighed as
    it is, as if w added up to 1.

    kl_anneal_steps          optimizer steps over which the KL's weight rises from 0
    free_nats                of KL per code, below which the batch mean is not pushed
    commitment_anneal_steps  likewise for the commitment
    code_weighting           how codes weigh; unset: what is usual for the bottleneck
    """

    def __init__(
        self,
        default_code_weighting: CodeWeighting = "mean",
        code_weighting: CodeWeighting | None = None,
        kl_weight: NonNegativeNumber = 1.0,
        kl_anneal_steps: NonNegative = 0,
        free_nats: NonNegativeNumber = 0.0,
        codebook_weight: NonNegativeNumber = 1.0,
        commitment_weight: NonNegativeNumber = 0.25,
        commitment_anneal_steps: NonNegative = 0,
        norm_weight: NonNegativeNumber = 0.0,
        entropy_weight: NonNegativeNumber = 0.1,
    ) -> None:
        self.code_weighting: CodeWeighting = code_weighting or default_code_weighting
        self.free_nats = free_nats
        self.weights = {
            "kl": kl_weight,
            "codebook": codebook_weight,
            "commitment": commitment_weight,
            "norm": norm_weight,
            "entropy": entropy_weight,
        }
        self.anneal_steps = {"kl": kl_anneal_steps, "commitment": commitment_anneal_steps}

    def __call__(self, output: ModelOutput, plan: WindowPlan, step: int) -> Loss:
        sample_nll = negative_log_likelihood(output)
        nll = sample_nll.mean()
        losses = output.bottleneck.losses if output.bottleneck else {}
        weights = code_weights(plan, self.code_weighting).to(nll.device)
        terms = {
            name: self.weight(name, step) * self._reduced(name, loss, weights)
            for name, loss in losses.items()
        }
        elbo = self._elbo(nll, losses.get("kl"), plan)
        total = torch.stack([nll, *terms.values()]).sum()
        return Loss(total, nll, terms, elbo, sample_nll.detach())

    def weight(self, name: str, step: int) -> float:
        """The weight of a term after `step` optimizer steps."""
        if name not in self.weights:
            raise KeyError(f"the bottleneck returned the loss {name!r}, which has no weight")
        anneal_steps = self.anneal_steps.get(name, 0)
        share = min(1.0, step / anneal_steps) if anneal_steps else 1.0
        return self.weights[name] * share

    def _reduced(self, name: str, loss: Tensor, weights: Tensor) -> Tensor:
        if loss.ndim == 0:
            return loss
        per_code = loss.mean(dim=0)  # (B, N) -> (N,)
        if name == "kl" and self.free_nats:
            is_free = all_reduce_mean(per_code.detach()) < self.free_nats  # of the global batch
            per_code = per_code.masked_fill(is_free, self.free_nats)
        return (weights * per_code).sum()

    def _elbo(self, nll: Tensor, kl: Tensor | None, plan: WindowPlan) -> Tensor | None:
        if kl is None:
            return None
        weights = code_weights(plan, "sequence").to(nll.device)
        return nll.detach() + (weights * kl.detach().mean(dim=0)).sum()
