"""Negative log-likelihood of the targets, in nats."""

from __future__ import annotations

from math import log
from typing import ClassVar

from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.objectives.base import Criterion, ObjectiveTerm, TermOutput
from wavenet_ae.objectives.bottleneck import code_weights
from wavenet_ae.types import ModelOutput

NLL = Criterion("validation/nll", "minimize", "nats/sample", "validation NLL")


class Reconstruction(ObjectiveTerm):
    """The mean of -log p(x_t | x_<t, codes, speaker) over predicted targets.

    Beside it, it reports the negative evidence lower bound where the bottleneck has a KL term
    (Kingma & Welling 2014, arXiv 1312.6114, eq. 3), neither clamped nor annealed.
    """

    criterion: ClassVar[Criterion | None] = NLL

    def forward(self, output: ModelOutput, plan: WindowPlan, step: int) -> TermOutput:
        nll = output.nll.mean()
        metrics = {"nll": nll, "bits_per_sample": nll / log(2)}
        losses = output.bottleneck.losses if output.bottleneck else {}
        if "kl" in losses:
            metrics["negative_elbo"] = _negative_elbo(nll, losses["kl"], plan)
        return TermOutput({"nll": nll}, metrics)


def _negative_elbo(nll: Tensor, kl: Tensor, plan: WindowPlan) -> Tensor:
    """Returns nats per target: the NLL, and the KL (B, N) of each code counted once."""
    weights = code_weights(plan, "sequence").to(nll.device)
    return nll.detach() + (weights * kl.detach().mean(dim=0)).sum()
