"""The levels of a waveform, and how near the decoder's predictions of them are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wavenet_ae.audio.waveforms import FULL_SCALE
from wavenet_ae.decoders import Categorical
from wavenet_ae.distributed import all_reduce_mean, all_reduce_sum
from wavenet_ae.models import GenerativeModel
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
        model, targets = module.model, observed.output.targets
        levels = model.target.levels if isinstance(model, GenerativeModel) else None
        if levels is None or targets is None:
            return {"input/clipped_fraction": clipped}
        counts = all_reduce_sum(torch.bincount(targets.flatten(), minlength=levels))
        if self.level_counts is not None:
            counts += self.level_counts.to(counts.device)
        self.level_counts = counts
        share = counts / counts.sum()
        entropy = torch.special.entr(share).sum()
        return {"input/clipped_fraction": clipped, "input/level_entropy": entropy}


def clipped_fraction(waveform: Tensor) -> Tensor:
    """Returns the fraction of int16 samples within 1 % of full scale."""
    return (waveform.int().abs() >= SATURATED).float().mean()


class DecoderMonitor(Monitor):
    """Logs how near the predictions of a categorical output are.

    `decoder/true_level_probability` is the mean probability of the true level and
    `decoder/absolute_level_error` the mean distance, in levels, of the most probable one.
    """

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        model, output = module.model, observed.output
        if not isinstance(model, GenerativeModel):
            return {}
        if not isinstance(model.decoder.output, Categorical):
            return {}
        assert output.parameters is not None
        assert output.targets is not None and output.nll is not None
        # time-major, as the logits lie in memory: (B, Q, W) -> (W, B, Q)
        guesses = output.parameters.permute(2, 0, 1).argmax(dim=2)
        error = (guesses - output.targets.t()).abs().float().mean()
        probability = output.nll.neg().exp().mean()
        both = all_reduce_mean(torch.stack([probability.float(), error]))
        return {"decoder/true_level_probability": both[0], "decoder/absolute_level_error": both[1]}
