"""Does every unit of the encoder still respond to something?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from wavenet_ae.distributed import all_reduce_sum
from wavenet_ae.encoders import Encoder
from wavenet_ae.models import CodeModel
from wavenet_ae.nn.batch_norm import evaluation_mode
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors.base import Monitor
from wavenet_ae.types import Batch


class DeadUnits(Monitor):
    """Logs `encoder/dead_units/layer_<i>`: the share of a layer's channels whose rectifier gives 0
    for the whole batch, for each layer that has one.

    The encoder runs once more for it, in evaluation mode.
    """

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        model = module.model
        if not isinstance(model, CodeModel):
            return {}
        waveform = model.normalize(batch.waveform[:, module.plan.encoder_input])
        active = active_channels(model.encoder, waveform)
        if not active:
            return {}
        sizes = [len(each) for each in active]
        of_any_process = all_reduce_sum(torch.cat(active).float()) > 0
        return {
            f"encoder/dead_units/layer_{layer}": 1 - part.float().mean()
            for layer, part in enumerate(of_any_process.split(sizes), start=1)
        }


def active_channels(encoder: Encoder, waveform: Tensor) -> list[Tensor]:
    """For each rectified layer, (C,): whether each channel is above 0 anywhere in a waveform
    (B, T)."""
    active: list[Tensor] = []

    def note(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        active.append((output > 0).any(dim=2).any(dim=0))  # (B, C, F) -> (C,)

    rectifiers = [each for each in encoder.modules() if isinstance(each, nn.ReLU)]
    handles = [each.register_forward_hook(note) for each in rectifiers]
    with evaluation_mode(encoder):
        encoder.forward(waveform)  # by name: not compiled anew for evaluation
    for handle in handles:
        handle.remove()
    return active
