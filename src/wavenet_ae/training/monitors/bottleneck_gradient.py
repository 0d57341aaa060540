"""How much of the decoder's wishes reaches the encoder?"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from wavenet_ae.distributed import all_reduce_sum, world_size
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors.base import Monitor, is_logged
from wavenet_ae.types import Batch


class BottleneckGradient(Monitor):
    """Logs `encoder/gradient_norm_at_bottleneck`: the norm of the loss's gradient in the encoder's
    output, over the global batch; under gradient accumulation, of the last of its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.handle: RemovableHandle | None = None
        self.squares: Tensor | None = None

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, WaveformTraining)
        if pl_module.bottleneck is not None and is_logged(trainer, trainer.global_step + 1):
            self.num_accumulated = trainer.accumulate_grad_batches
            self.handle = pl_module.bottleneck.register_forward_pre_hook(self._follow)

    def _follow(self, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
        latents = inputs[0]
        if latents.requires_grad:  # features alone have none
            latents.register_hook(self._note)

    def _note(self, gradient: Tensor) -> None:
        self.squares = gradient.detach().float().square().sum()

    def on_train_batch_end(self, *args: Any) -> None:
        if self.handle is not None:
            self.handle.remove()
        super().on_train_batch_end(*args)
        self.handle = self.squares = None

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        if self.squares is None:
            return {}
        # The loss is the mean of the processes' losses, and of those of accumulated batches.
        norm = torch.sqrt(all_reduce_sum(self.squares)) / world_size()
        return {"encoder/gradient_norm_at_bottleneck": norm * self.num_accumulated}
