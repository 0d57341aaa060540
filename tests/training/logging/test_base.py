"""Histograms hold what they were made of, and reach each logger as they are."""

from __future__ import annotations

import json

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from helpers.wandb_files import history, segments
from pytorch_lightning.demos.boring_classes import BoringModel
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from wavenet_ae.training.logging import (
    Histogram,
    HistogramLog,
    TensorBoard,
    WandB,
    log_bars,
    log_histogram,
)


def test_bars_are_centered_on_their_index():
    histogram = Histogram.per_index(torch.tensor([3, 0, 5]))
    assert histogram == Histogram([3.0, 0.0, 5.0], -0.5, 2.5)
    assert histogram.edges.tolist() == [-0.5, 0.5, 1.5, 2.5]


def test_samples_of_any_shape_fill_bins_between_their_extremes():
    samples = torch.arange(12.0).reshape(3, 4).bfloat16()
    assert Histogram.of(samples, 3) == Histogram([4.0, 4.0, 4.0], 0.0, 11.0)
    assert len(Histogram.of(samples).counts) == 64


def test_samples_that_are_not_finite_or_all_alike():
    odd = torch.tensor([0.0, torch.inf, torch.nan, 1.0])
    assert Histogram.of(odd, 2) == Histogram([1.0, 1.0], 0.0, 1.0)
    assert Histogram.of(torch.full((5,), 3.0), 2) == Histogram([0.0, 5.0], 2.5, 3.5)


@pytest.mark.parametrize("num_bins", [1, 512, 513, 1000, 1024, 5000])
def test_merging_keeps_counts_in_place(num_bins):
    counts = torch.rand(num_bins)
    before = Histogram.per_index(counts)
    after = before.at_most(512)
    width = (after.edges[1] - after.edges[0]).round(6)
    assert len(after.counts) <= 512 and width == -(-num_bins // 512)
    above = np.concatenate([[0.0], np.cumsum(counts.double().numpy())])
    below_edge = above[np.minimum((after.edges[1:] + 0.5).round().astype(int), num_bins)]
    np.testing.assert_allclose(np.cumsum(after.counts), below_edge)


class LogsAtValidations(pl.Callback):
    histogram = Histogram.per_index(torch.arange(600))

    def on_validation_epoch_end(self, trainer, pl_module):
        pl_module.log("validation/nll", 1.0)
        log_histogram(trainer, "codebook/usage", self.histogram)
        log_bars(trainer, "codebook/most_used", "Two codes", ["7", "3"], [5.0, 2.0])


def test_every_logger_gets_it_at_the_step_of_the_validation(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    loggers = [
        HistogramLog(tmp_path / "histograms.jsonl"),
        TensorBoard(str(tmp_path), 0),
        WandB(str(tmp_path)),
    ]
    trainer = pl.Trainer(
        max_steps=6,
        val_check_interval=3,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        accelerator="cpu",
        logger=loggers,
        callbacks=[LogsAtValidations()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(BoringModel())
    given = LogsAtValidations.histogram

    lines = [json.loads(line) for line in loggers[0].path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 5]
    assert all(line["counts"] == given.counts for line in lines)

    events = EventAccumulator(str(tmp_path / "tensorboard"), {"histograms": 0}).Reload()
    histograms = events.Histograms("codebook/usage")
    assert [each.step for each in histograms] == [2, 5]
    assert [each.step for each in events.Scalars("validation/nll")] == [2, 5]
    assert histograms[0].histogram_value.bucket == given.counts
    assert histograms[0].histogram_value.bucket_limit == given.edges[1:].tolist()

    (segment,) = segments(tmp_path)
    rows = [row for row in history(segment) if "codebook/usage" in row]
    assert [row["trainer/global_step"] for row in rows] == [2, 5]
    assert all(row["validation/nll"] == 1.0 for row in rows), "one row holds both"
    assert len(rows[0]["codebook/usage"]["values"]) == 300, "W&B takes 512 at most"
    assert all("codebook/most_used_table" in row for row in rows), "of bars, W&B logs the table"
    assert sum(rows[0]["codebook/usage"]["values"]) == sum(given.counts)
