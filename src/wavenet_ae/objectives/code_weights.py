"""How the losses of single codes are weighed in a window; docs/how/objective.md derives it."""

from __future__ import annotations

import torch
from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.types import CodeWeighting


def code_weights(plan: WindowPlan, weighting: CodeWeighting) -> Tensor:
    """Returns the weight (N,) float32 of each code of a window.

    Args:
        plan: Plan of the window, whose `usage` counts the predictions that read each code.
        weighting: How codes are weighed:
            `sequence`: usage / (full_usage * W).  Over windows that tile an utterance each code
            counts once, which gives the ELBO per sample.
            `mean`: usage / sum(usage), the scale on which a commitment of 0.25 is usual.
            `context`: usage / W.  Every prediction pays for every code that it reads.

    Raises:
        ValueError: There is no such weighting.
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
