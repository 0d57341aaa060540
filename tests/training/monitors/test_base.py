"""Monitors measure once a logged step, however many batches it is made of."""

from __future__ import annotations

import pytest
import pytorch_lightning as pl
from helpers.watched import in_training, noise, observed, trainer

from wavenet_ae.training.monitors import Monitor


class Noting(Monitor):
    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.batch = -1

    def on_train_batch_end(self, *args) -> None:
        self.batch = args[-1]
        super().on_train_batch_end(*args)

    def measure(self, module, seen, batch):
        self.batches.append(self.batch)
        return {}


def at_step(run: pl.Trainer, step: int) -> None:
    optimizer = run.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer
    optimizer.step.total.completed = step
    assert run.global_step == step


@pytest.mark.parametrize(
    "every, steps, measured",
    [
        (1, [1, 2, 3, 4], [0, 1, 2, 3]),
        (3, [1, 2, 3, 4, 5, 6], [2, 5]),
        (2, [0, 1, 1, 2, 2, 3, 3, 4, 4], [3, 7]),  # two batches a step
    ],
)
def test_a_monitor_measures_once_a_logged_step(every, steps, measured):
    module, run, monitor = in_training(), trainer(log_every_n_steps=every), Noting()
    batch = noise(module)
    outputs = {"observed": observed(module, batch)}
    monitor.on_train_start(run, module)
    for index, step in enumerate(steps):
        at_step(run, step)
        monitor.on_train_batch_end(run, module, outputs, batch, index)
    assert monitor.batches == measured


def test_a_resume_does_not_measure_its_first_step_again():
    module, run, monitor = in_training(), trainer(), Noting()
    batch = noise(module)
    outputs = {"observed": observed(module, batch)}
    at_step(run, 8)
    monitor.on_train_start(run, module)
    monitor.on_train_batch_end(run, module, outputs, batch, 0)  # half of step 9
    assert monitor.batches == []
