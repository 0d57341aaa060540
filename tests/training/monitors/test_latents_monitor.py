"""The histogram of latents is that of a validation's first batch."""

from __future__ import annotations

import torch
from helpers.watched import in_training, latest, trainer

from wavenet_ae.runs import RunFolder
from wavenet_ae.training.logging import HistogramLog
from wavenet_ae.training.monitors import LatentMonitor
from wavenet_ae.types import BottleneckOutput


def test_first_batch_alone(tmp_path):
    log, module = HistogramLog(RunFolder(tmp_path).histograms), in_training()
    run, monitor = trainer(logger=[log]), LatentMonitor()
    vectors = torch.zeros(1, 1, 4)
    monitor.on_validation_batch_end(run, module, {"bottleneck": None}, None, 0)
    without = {"bottleneck": BottleneckOutput(vectors)}
    monitor.on_validation_batch_end(run, module, without, None, 0)
    assert not latest(log)
    for index, scale in enumerate((1.0, 100.0)):
        latents = scale * torch.tensor([[[-1.0, 0.0, 0.0, 3.0]]])
        given = {"bottleneck": BottleneckOutput(vectors, latents=latents)}
        monitor.on_validation_batch_end(run, module, given, None, index)
    histogram = latest(log)["bottleneck/latents"]
    assert (histogram.low, histogram.high) == (-1, 3)
    assert sum(histogram.counts) == 4 and histogram.counts[16] == 2
