"""What every monitor is."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch

from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.types import Batch


class Monitor(pl.Callback):
    """Measures at the steps that are logged, and logs what it finds.

    All processes measure, and agree: a metric is that of the global batch.
    """

    def __init__(self) -> None:
        self.last_step = 0

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, torch.Tensor | float]:
        """Returns metrics by the names under which they are logged."""
        raise NotImplementedError

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.last_step = trainer.global_step

    @torch.no_grad()
    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        assert isinstance(pl_module, WaveformTraining)
        has_stepped = trainer.global_step != self.last_step
        self.last_step = trainer.global_step
        if has_stepped and is_logged(trainer, trainer.global_step):
            pl_module.log_dict(self.measure(pl_module, outputs["observed"], batch))


def is_logged(trainer: pl.Trainer, step: int) -> bool:
    """Returns whether metrics are logged after `step` optimizer steps."""
    return step % trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
