"""How the values of the latents are distributed."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from wavenet_ae.training.logging import Histogram, log_histogram


class LatentMonitor(pl.Callback):
    """Logs the histogram `bottleneck/latents`, of the first batch of each validation."""

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        output = outputs["bottleneck"]
        if batch_idx == 0 and output is not None and output.latents is not None:
            log_histogram(trainer, "bottleneck/latents", Histogram.of(output.latents))
