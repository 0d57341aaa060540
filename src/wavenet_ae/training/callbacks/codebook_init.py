"""Starts codebooks from encoder outputs when their time has come."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging

from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.models import CodeModel, CodeStream
from wavenet_ae.models.computing import evaluation_mode
from wavenet_ae.randomness import keyed_seed
from wavenet_ae.stream_names import of_stream
from wavenet_ae.training.module import WaveformTraining


class CodebookInit(pl.Callback):
    """Calls `Quantizer.begin_quantizing` of each stream once, before step `start_after`.

    The coarsest stream begins first, so that finer ones that depend on its codes start from what
    they will read.  The windows come in an order of their own, which does not count as consumed; a
    resumed run finds its codebooks in the checkpoint and starts none.
    """

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        assert isinstance(pl_module, WaveformTraining)
        for stream in pl_module.code_streams:
            bottleneck = stream.bottleneck
            if not isinstance(bottleneck, Quantizer) or bottleneck.is_quantizing:
                continue
            if trainer.global_step >= bottleneck.start_after:
                latents = _latents(pl_module, stream, bottleneck.num_initial_vectors)
                key = (pl_module.seed, of_stream("codebook", stream.name))
                bottleneck.begin_quantizing(latents, keyed_seed(*key))
                _start_averages(trainer, stream.name, bottleneck)


def _start_averages(trainer: pl.Trainer, stream: str, bottleneck: Quantizer) -> None:
    """Starts averages of the weights again: one with the earlier codebook would fit neither."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        average = getattr(callback, "_average_model", None)
        if isinstance(callback, WeightAveraging) and average is not None:
            averaged = {each.name: each.bottleneck for each in average.module.code_streams}
            averaged[stream].load_state_dict(bottleneck.state_dict())


@torch.no_grad()
def _latents(module: WaveformTraining, stream: CodeStream, num_vectors: int) -> torch.Tensor:
    """Returns at least `num_vectors` latents (B, C, N) of a stream in training windows."""
    per_batch = module.data.batch_size * module.plan.num_codes * stream.codes_per_hop
    num_batches = max(1, -(-num_vectors // per_batch))
    model, read = module.model, module.plan.encoder_input
    assert isinstance(model, CodeModel)
    latents = []
    with evaluation_mode(model.encoder):
        for batch in module.data.sample(num_batches, "codebook"):
            own = batch.to(module.device)
            samples = model.normalize(own.waveform[:, read])
            encoded, _ = model.encode_hops(samples, feature_mean=own.feature_mean)
            latents.append(encoded[stream.name].latents)
    return torch.cat(latents)
