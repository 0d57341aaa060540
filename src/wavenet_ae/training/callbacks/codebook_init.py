"""Starts a codebook from encoder outputs when its time has come."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging

from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.models import CodeModel
from wavenet_ae.nn.batch_norm import evaluation_mode
from wavenet_ae.randomness import keyed_seed
from wavenet_ae.training.module import WaveformTraining


class CodebookInit(pl.Callback):
    """Calls `Quantizer.begin_quantizing` once, before step `start_after`.

    The windows come in an order of their own, which does not count as consumed; a resumed run
    finds its codebook in the checkpoint and starts none.
    """

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        assert isinstance(pl_module, WaveformTraining)
        bottleneck = pl_module.bottleneck
        if not isinstance(bottleneck, Quantizer) or bottleneck.is_quantizing:
            return
        if trainer.global_step >= bottleneck.start_after:
            latents = _encoder_outputs(pl_module, bottleneck.num_initial_vectors)
            bottleneck.begin_quantizing(latents, keyed_seed(pl_module.seed, "codebook"))
            _start_averages(trainer, bottleneck)


def _start_averages(trainer: pl.Trainer, bottleneck: Quantizer) -> None:
    """An average with the codebook of before would be neither."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        average = getattr(callback, "_average_model", None)
        if isinstance(callback, WeightAveraging) and average is not None:
            average.module.model.bottleneck.load_state_dict(bottleneck.state_dict())


@torch.no_grad()
def _encoder_outputs(module: WaveformTraining, num_vectors: int) -> torch.Tensor:
    """(B, C, N) with at least `num_vectors` latents of training windows."""
    per_batch = module.data.batch_size * module.plan.num_codes
    num_batches = max(1, -(-num_vectors // per_batch))
    model = module.model
    assert isinstance(model, CodeModel)
    with evaluation_mode(model.encoder):
        batches = (batch.to(module.device) for batch in module.data.sample(num_batches, "codebook"))
        latents = [
            model.latents(batch.waveform, module.plan, feature_mean=batch.feature_mean)
            for batch in batches
        ]
    return torch.cat(latents)
