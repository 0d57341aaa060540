"""How latents are distributed, and which dimensions of a Gaussian posterior carry information."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from wavenet_ae.bottlenecks.continuous import gaussian_kl
from wavenet_ae.bottlenecks.quantizer import flatten_time
from wavenet_ae.distributed import all_gather, all_reduce_sum
from wavenet_ae.training.logging import Histogram, log_histogram
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors.base import Monitor
from wavenet_ae.types import Batch, BottleneckOutput

ACTIVE_VARIANCE = 0.01


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


class PosteriorMonitor(Monitor):
    """Logs `vae/active_units` and `vae/kl_per_code` of a training batch, and at validations the
    histogram `vae/kl_per_dimension`, nats per code."""

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        output = observed.output.bottleneck
        if output is None or output.log_variance is None:
            return {}
        assert output.latents is not None
        means = flatten_time(all_gather(output.latents))
        kl = all_gather(kl_per_dimension(output)[None]).mean(dim=0)  # (D,)
        return {"vae/active_units": float(active_units(means)), "vae/kl_per_code": kl.sum()}

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, WaveformTraining)
        dim = pl_module.bottleneck.dim if pl_module.bottleneck else 0
        self.kl_sum = torch.zeros(dim + 1, device=pl_module.device)  # its last: how many

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
        if output is not None and output.log_variance is not None:
            kl, num_codes = kl_per_dimension(output), output.log_variance[:, 0].numel()
            self.kl_sum += num_codes * torch.cat([kl, kl.new_ones(1)])  # not all are as large

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        total = all_reduce_sum(self.kl_sum)
        if total[-1] > 0:
            kl = Histogram.per_index(total[:-1] / total[-1])
            log_histogram(trainer, "vae/kl_per_dimension", kl)


def active_units(means: Tensor) -> int:
    """Dimensions of posterior means (V, D) that vary with the input: those whose variance exceeds
    0.01 (Burda et al. 2015, arXiv 1509.00519, sec. 5)."""
    return int((means.float().var(dim=0) > ACTIVE_VARIANCE).sum())


def kl_per_dimension(output: BottleneckOutput) -> Tensor:
    """(D,) KL to N(0, 1) in nats, mean over items and codes."""
    assert output.latents is not None and output.log_variance is not None
    return gaussian_kl(output.latents, output.log_variance).float().mean(dim=(0, 2))
