"""How far a step moves the weights."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from wavenet_ae.models import GenerativeModel
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors.base import Monitor, is_logged
from wavenet_ae.types import Batch


class WeightUpdates(Monitor):
    """Logs `updates/<part>`, the norm of a step's change of a part's weights over their own norm
    (about 0.001 where learning goes well), and `learning_rate/<group>`."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[str, list[Tensor]] = {}
        self.learning_rates: dict[str, float] = {}

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        assert isinstance(pl_module, WaveformTraining)
        if is_logged(trainer, trainer.global_step + 1):
            parts = weights(pl_module.model)
            self.before = {part: [each.clone() for each in own] for part, own in parts.items()}
            self.learning_rates = {
                f"learning_rate/{group['name']}": group["lr"] for group in optimizer.param_groups
            }

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        after = weights(module.model)
        ratios = {
            f"updates/{part}": change(before, after[part]) for part, before in self.before.items()
        }
        self.before = {}
        return {**ratios, **self.learning_rates}


def weights(model: GenerativeModel) -> dict[str, list[Tensor]]:
    """Returns the trained weights of each part of a model that has any."""
    parts = {
        name: [each.detach() for each in part.parameters() if each.requires_grad and each.numel()]
        for name, part in model.named_children()
    }
    return {name: own for name, own in parts.items() if own}


def change(before: list[Tensor], after: list[Tensor]) -> Tensor:
    """|after - before| / |before|, of all tensors as one vector."""
    moved = [new - old for new, old in zip(after, before, strict=True)]
    norm = torch.nn.utils.get_total_norm
    return norm(moved) / norm(before).clamp_min(torch.finfo(torch.float32).tiny)
