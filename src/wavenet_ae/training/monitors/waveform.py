"""What the recordings themselves are like."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wavenet_ae.audio.waveforms import FULL_SCALE
from wavenet_ae.distributed import all_reduce_mean, all_reduce_sum
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors.base import Monitor
from wavenet_ae.types import Batch

SATURATED = round(0.99 * FULL_SCALE)


class WaveformMonitor(Monitor):
    """Logs properties of the recordings.

    `input/clipped_fraction` is the share of samples within 1 % of full scale.  Where the target has
    levels, `input/level_entropy` is the NLL in nats of a model that knows how frequent each level
    is, and nothing else; levels are counted over all batches that were measured.
    """

    def __init__(self) -> None:
        super().__init__()
        self.level_counts: Tensor | None = None  # (Q,)

    def state_dict(self) -> dict[str, Any]:
        return {} if self.level_counts is None else {"level_counts": self.level_counts.cpu()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.level_counts = state_dict.get("level_counts")

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        clipped = all_reduce_mean(clipped_fraction(batch.waveform))
        levels = module.model.target.levels
        if levels is None:
            return {"input/clipped_fraction": clipped}
        targets = observed.output.targets.flatten()
        counts = all_reduce_sum(torch.bincount(targets, minlength=levels))
        if self.level_counts is not None:
            counts += self.level_counts.to(counts.device)
        self.level_counts = counts
        share = counts / counts.sum()
        entropy = torch.special.entr(share).sum()
        return {"input/clipped_fraction": clipped, "input/level_entropy": entropy}


def clipped_fraction(waveform: Tensor) -> Tensor:
    """Share of int16 samples within 1 % of full scale."""
    return (waveform.int().abs() >= SATURATED).float().mean()
