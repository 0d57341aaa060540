"""How latents are distributed, and which dimensions of a Gaussian posterior carry information."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from wavenet_ae.bottlenecks.continuous import gaussian_kl
from wavenet_ae.bottlenecks.quantizer import flatten_time
from wavenet_ae.distributed import all_gather, all_reduce_sum
from wavenet_ae.stream_names import of_stream
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
        for name, output in outputs["streams"].items():
            if batch_idx == 0 and output.latents is not None:
                key = of_stream("bottleneck/latents", name)
                log_histogram(trainer, key, Histogram.of(output.latents))


class PosteriorMonitor(Monitor):
    """Logs `vae/active_units` and `vae/kl_per_code` of a training batch, and at validations the
    histogram `vae/kl_per_dimension`, nats per code."""

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        metrics: dict[str, Tensor | float] = {}
        for name, output in observed.output.streams.items():
            if output.log_variance is not None:
                assert output.latents is not None
                means = flatten_time(all_gather(output.latents))
                kl = all_gather(kl_per_dimension(output)[None]).mean(dim=0)  # (D,)
                metrics[of_stream("vae/active_units", name)] = float(active_units(means))
                metrics[of_stream("vae/kl_per_code", name)] = kl.sum()
        return metrics

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, WaveformTraining)
        self.kl_sums = {  # of each stream by name; the last number of each: of how many codes
            stream.name: torch.zeros(stream.bottleneck.dim + 1, device=pl_module.device)
            for stream in pl_module.code_streams
        }

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        for name, output in outputs["streams"].items():
            if output.log_variance is not None:
                kl, num_codes = kl_per_dimension(output), output.log_variance[:, 0].numel()
                # not all batches are as large
                self.kl_sums[name] += num_codes * torch.cat([kl, kl.new_ones(1)])

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for name, kl_sum in self.kl_sums.items():
            total = all_reduce_sum(kl_sum)
            if total[-1] > 0:
                kl = Histogram.per_index(total[:-1] / total[-1])
                log_histogram(trainer, of_stream("vae/kl_per_dimension", name), kl)


def active_units(means: Tensor) -> int:
    """Dimensions of posterior means (V, D) that vary with the input: those whose variance exceeds
    0.01 (Burda et al. 2015, arXiv 1509.00519, sec. 5)."""
    return int((means.float().var(dim=0) > ACTIVE_VARIANCE).sum())


def kl_per_dimension(output: BottleneckOutput) -> Tensor:
    """Returns the KL (D,) to N(0, 1) in nats, averaged over items and codes."""
    assert output.latents is not None and output.log_variance is not None
    return gaussian_kl(output.latents, output.log_variance).float().mean(dim=(0, 2))
