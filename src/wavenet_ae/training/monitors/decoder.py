"""How near the decoder's predictions are."""

from __future__ import annotations

import torch
from torch import Tensor

from wavenet_ae.decoders import Categorical
from wavenet_ae.distributed import all_reduce_mean
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors.base import Monitor
from wavenet_ae.types import Batch


class DecoderMonitor(Monitor):
    """Logs how near the predictions of a categorical output are.

    `decoder/true_level_probability` is the mean probability of the true level and
    `decoder/absolute_level_error` the mean distance, in levels, of the most probable one.
    """

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        if not isinstance(module.model.decoder.output, Categorical):
            return {}
        # time-major, as the logits lie in memory: (B, Q, W) -> (W, B, Q)
        guesses = observed.output.parameters.permute(2, 0, 1).argmax(dim=2)
        error = (guesses - observed.output.targets.t()).abs().float().mean()
        probability = observed.output.nll.neg().exp().mean()
        both = all_reduce_mean(torch.stack([probability.float(), error]))
        return {"decoder/true_level_probability": both[0], "decoder/absolute_level_error": both[1]}
