"""What the recordings themselves are like."""

from __future__ import annotations

import torch
from torch import Tensor

from wavenet_ae.audio.files import FULL_SCALE
from wavenet_ae.nn.processes import averaged, summed
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors.base import Monitor
from wavenet_ae.types import Batch

SATURATED = round(0.99 * FULL_SCALE)


class WaveformMonitor(Monitor):
    """Logs `input/clipped_fraction`, the share of samples within 1 % of full scale, and
    `input/level_entropy`, nats: the NLL of a model that knows how frequent each level is in the
    batch, and nothing else."""

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        clipped = averaged(clipped_fraction(batch.waveform))
        targets = observed.output.targets.flatten()
        counts = summed(torch.bincount(targets, minlength=module.model.levels).float())
        share = counts / counts.sum()
        entropy = torch.special.entr(share).sum()
        return {"input/clipped_fraction": clipped, "input/level_entropy": entropy}


def clipped_fraction(waveform: Tensor) -> Tensor:
    """Share of int16 samples within 1 % of full scale."""
    return (waveform.int().abs() >= SATURATED).float().mean()
