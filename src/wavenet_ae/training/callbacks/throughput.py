"""How fast training goes."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl

from wavenet_ae.training.module import WaveformTraining


class Throughput(pl.Callback):
    """Logs `speed/times_real_time`: seconds of predicted audio per second of training.

    Measured over the batches since the last logged step, validations and checkpoints left out.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.batches = 0
        self.started = 0.0
        self.last_step = 0

    def on_train_batch_start(self, *args: Any) -> None:
        self.started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        assert isinstance(pl_module, WaveformTraining)
        self.seconds += time.perf_counter() - self.started
        self.batches += 1
        is_logged = trainer.global_step % trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
        if trainer.global_step == self.last_step or not is_logged:
            return
        self.last_step = trainer.global_step
        samples = self.batches * pl_module.data.batch_size * pl_module.plan.num_targets
        audio_seconds = samples / pl_module.model.sample_rate
        pl_module.log("speed/times_real_time", audio_seconds / self.seconds)
        self.seconds, self.batches = 0.0, 0
