"""Looks at a run's figures while it trains, and warns."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import WandbLogger

from wavenet_ae.bounds import Positive
from wavenet_ae.training.doctor import DISEASES, Chart, Disease
from wavenet_ae.training.module import WaveformTraining
from wavenet_ae.training.monitors.base import is_logged
from wavenet_ae.training.validation import VALIDATION_SECTIONS

logger = logging.getLogger(__name__)


class Doctor(pl.Callback):
    """Warns of each disease once, when it has shown for long enough, and says when it is over.

    It reads what other callbacks have logged, so that it comes after them.

    config    the run's plain configuration
    patience  looks in a row, at logged steps or at validations, that must show it
    """

    def __init__(self, config: Mapping[str, Any], patience: Positive = 3) -> None:
        self.config, self.patience = config, patience
        self.chart = Chart(config)
        self.present: set[str] = set()
        self.last_step = 0

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        assert isinstance(pl_module, WaveformTraining)
        bottleneck = pl_module.bottleneck
        if bottleneck is not None and bottleneck.codebook_size is not None:
            per_batch = pl_module.data.batch_size * pl_module.plan.num_codes
            self.chart.possible_codes = min(per_batch, bottleneck.codebook_size)

    def state_dict(self) -> dict[str, Any]:
        looks = {
            watched: [dict(each) for each in getattr(self.chart, watched)] for watched in WATCHED
        }
        return {**looks, "present": sorted(self.present)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for watched in WATCHED:
            getattr(self.chart, watched).extend(state_dict[watched])
        self.present = set(state_dict["present"])

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.last_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        has_stepped = trainer.global_step != self.last_step
        self.last_step = trainer.global_step
        if has_stepped and is_logged(trainer, trainer.global_step):
            self._look(trainer, "training")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._look(trainer, "validation")

    def _look(self, trainer: pl.Trainer, watched: str) -> None:
        figures = {
            key: float(value)
            for key, value in trainer.callback_metrics.items()
            if key.startswith(VALIDATION_SECTIONS) == (watched == "validation")
        }
        getattr(self.chart, watched).append({**figures, "step": float(trainer.global_step)})
        for disease in DISEASES:
            if disease.watched == watched:
                self._examine(disease, trainer)

    def _examine(self, disease: Disease, trainer: pl.Trainer) -> None:
        key = f"{disease.name}: {disease.figure}"
        if disease.is_present(self.chart, self.patience):
            if key not in self.present:
                self.present.add(key)
                self._warn(disease, trainer)
        elif key in self.present and not disease.is_present(self.chart, 1):
            self.present.remove(key)
            logger.info("step %d: %s is over", trainer.global_step, disease.name)

    def _warn(self, disease: Disease, trainer: pl.Trainer) -> None:
        sentence = disease.sentence(self.chart)
        logger.warning("step %d: %s", trainer.global_step, sentence)
        for each in trainer.loggers:
            if isinstance(each, WandbLogger) and trainer.is_global_zero:
                each.experiment.alert(title=disease.name, text=sentence)


WATCHED = ("training", "validation")
