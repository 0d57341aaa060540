"""What an autoencoder minimizes: the NLL of the targets and the weighted losses of its bottlenecks.

Both are in nats per target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import ClassVar

import torch
from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.distributed import all_reduce_mean
from wavenet_ae.objectives.base import Criterion, ObjectiveTerm, TermOutput
from wavenet_ae.schema import NonNegative, NonNegativeNumber
from wavenet_ae.stream_names import of_stream
from wavenet_ae.types import Batch, CodeWeighting, ModelOutput

NLL = Criterion("validation/nll", "minimize", "nats/sample", "validation NLL")


class Reconstruction(ObjectiveTerm):
    """The mean of -log p(x_t | x_<t, codes, speaker) over predicted targets.

    Beside it, it reports the negative evidence lower bound where the bottleneck has a KL term
    (Kingma & Welling 2014, arXiv 1312.6114, eq. 3), neither clamped nor annealed.

    Args:
        weight: Weight of the NLL beside other terms.
        start_step: Optimizer steps before the NLL counts.
        ramp_steps: Optimizer steps after that over which its weight rises from 0.
    """

    criterion: ClassVar[Criterion | None] = NLL
    needs = "nll"

    def __init__(
        self,
        weight: NonNegativeNumber = 1.0,
        start_step: NonNegative = 0,
        ramp_steps: NonNegative = 0,
    ) -> None:
        super().__init__(weight, start_step, ramp_steps)

    def forward(self, output: ModelOutput, batch: Batch, plan: WindowPlan, step: int) -> TermOutput:
        assert output.nll is not None
        nll = output.nll.mean()
        metrics = {"nll": nll, f"bits_per_{plan.target_unit}": nll / log(2)}
        kls = [each.losses["kl"] for each in output.streams.values() if "kl" in each.losses]
        if kls:
            metrics["negative_elbo"] = _negative_elbo(nll, kls, plan)
        return TermOutput({"nll": nll}, metrics)


def _negative_elbo(nll: Tensor, kls: Sequence[Tensor], plan: WindowPlan) -> Tensor:
    """Returns nats per target: the NLL, and the KLs (B, N) of each stream's codes counted once."""
    total = nll.detach()
    for kl in kls:
        weights = code_weights(plan, "sequence", kl.shape[-1]).to(nll.device)
        total = total + (weights * kl.detach().mean(dim=0)).sum()
    return total


def code_weights(
    plan: WindowPlan, weighting: CodeWeighting, num_codes: int | None = None
) -> Tensor:
    """Returns the weight (N,) float32 of each code of a window.

    Args:
        plan: Plan of the window, whose `usage` counts the predictions that read each code of the
            coarsest stream. A code of a finer stream is read by as many as the code of its hop.
        weighting: How codes are weighed:
            `sequence`: usage / (full_usage * W).  Over windows that tile an utterance each code
            counts once, which gives the ELBO per sample.
            `mean`: usage / sum(usage), the scale on which a commitment of 0.25 is usual.
            `context`: usage / W.  Every prediction pays for every code that it reads.

        num_codes: Codes of the window in the stream, N; None: those of the coarsest.

    Raises:
        ValueError: There is no such weighting.
    """
    usage = torch.tensor(plan.usage, dtype=torch.float64)
    if num_codes is not None:
        usage = usage.repeat_interleave(num_codes // len(usage))
    if weighting == "sequence":
        weights = usage / (plan.full_usage * plan.num_targets)
    elif weighting == "mean":
        weights = usage / usage.sum()
    elif weighting == "context":
        weights = usage / plan.num_targets
    else:
        raise ValueError(f"code_weighting is {weighting!r}; there are sequence, mean, context")
    return weights.float()


class BottleneckLosses(ObjectiveTerm):
    """The sum over losses of weight(step) * sum_c w[c] * mean_b loss[b, c], w from `code_weights`.

    A loss that is defined only on a batch, such as an entropy, comes as a scalar: it is weighed as
    it is, as if w added up to 1.

    Args:
        default_code_weighting: Weighting that is usual for the bottleneck of each stream of codes,
            by the stream's name; None: `mean`.
        code_weighting: Weighting of the codes of all streams; None: the usual ones.
        kl_weight: Weight of the KL term.
        kl_anneal_steps: Optimizer steps over which that weight rises from 0.
        free_nats: KL per code below which its mean over the batch is not pushed.
        codebook_weight: Weight of the codebook term.
        commitment_weight: Weight of the commitment term.
        commitment_anneal_steps: Optimizer steps over which that weight rises from 0.
        norm_weight: Weight of the squared norm of an autoencoder's vectors.
        entropy_weight: Weight of the entropy term of lookup-free quantization.
    """

    def __init__(
        self,
        default_code_weighting: Mapping[str, CodeWeighting] | None = None,
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
        super().__init__()
        self.code_weighting = code_weighting
        self.default_code_weighting = default_code_weighting or {}
        self.free_nats = free_nats
        self.weights = {
            "kl": kl_weight,
            "codebook": codebook_weight,
            "commitment": commitment_weight,
            "norm": norm_weight,
            "entropy": entropy_weight,
        }
        self.anneal_steps = {"kl": kl_anneal_steps, "commitment": commitment_anneal_steps}

    def forward(self, output: ModelOutput, batch: Batch, plan: WindowPlan, step: int) -> TermOutput:
        losses, metrics = {}, {}
        for stream, each in output.streams.items():
            for name, raw in each.losses.items():
                loss = self.weight_of(name, step) * self._reduced(name, raw, plan, stream)
                losses[of_stream(name, stream)] = loss
                metrics[of_stream(f"{name}_term", stream)] = loss
        return TermOutput(losses, metrics)

    def weighting_of(self, stream: str) -> CodeWeighting:
        """Returns how the codes of a stream are weighed."""
        return self.code_weighting or self.default_code_weighting.get(stream, "mean")

    def weight_of(self, name: str, step: int) -> float:
        """Returns the weight of a loss after `step` optimizer steps.

        Raises:
            KeyError: There is no weight for a loss of this name.
        """
        if name not in self.weights:
            raise KeyError(f"the bottleneck returned the loss {name!r}, which has no weight")
        anneal_steps = self.anneal_steps.get(name, 0)
        share = min(1.0, step / anneal_steps) if anneal_steps else 1.0
        return self.weights[name] * share

    def _reduced(self, name: str, loss: Tensor, plan: WindowPlan, stream: str) -> Tensor:
        if loss.ndim == 0:
            return loss
        weights = code_weights(plan, self.weighting_of(stream), loss.shape[-1]).to(loss.device)
        per_code = loss.mean(dim=0)  # (B, N) -> (N,)
        if name == "kl" and self.free_nats:
            is_free = all_reduce_mean(per_code.detach()) < self.free_nats  # of the global batch
            per_code = per_code.masked_fill(is_free, self.free_nats)
        return (weights * per_code).sum()
