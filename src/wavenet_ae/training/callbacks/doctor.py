"""Diagnoses a run from its metrics while it trains, and warns."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import ceil
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from wavenet_ae.models import CodeModel, SpeechModel
from wavenet_ae.objectives import Contrastive
from wavenet_ae.reading import shown
from wavenet_ae.schema import Positive, accepts
from wavenet_ae.training.diagnostics import FAILURE_MODES, FailureMode, History
from wavenet_ae.training.logging import run_loggers
from wavenet_ae.training.module import Observed, WaveformTraining
from wavenet_ae.training.monitors import Monitor
from wavenet_ae.training.validation import VALIDATION_SECTIONS
from wavenet_ae.types import Batch

logger = logging.getLogger(__name__)


WATCHED = ("training", "validation")


class Doctor(Monitor):
    """Warns of each failure mode once, when it has shown for long enough, and logs when it is over.

    It reads what monitors have logged, so that it comes after them.

    Args:
        config: The run's plain configuration.
        patience: Consecutive logged steps, or validations, that must show a failure mode, or not
            show it.
    """

    reads_monitors = True

    def __init__(self, config: Mapping[str, Any], patience: Positive = 3) -> None:
        super().__init__()
        self.patience = patience
        self.history = History(config)
        self.present: set[str] = set()

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        assert isinstance(pl_module, WaveformTraining)
        for stream in pl_module.code_streams:
            self.history.vector_dims[stream.name] = stream.bottleneck.dim
            if stream.bottleneck.codebook_size is not None:
                per_batch = pl_module.data.batch_size * pl_module.plan.num_codes
                most = per_batch * stream.codes_per_hop * stream.bottleneck.rows_per_codebook
                self.history.possible_codes[stream.name] = min(
                    most, stream.bottleneck.codebook_size
                )
        for term in pl_module.objective.terms.values():
            if isinstance(term, Contrastive):
                _warn_of_overlap(pl_module.model, term.num_ahead)
        for mode in FAILURE_MODES:
            if mode.monitor and not self.history.has(f"monitors.{mode.monitor}"):
                logger.warning(
                    "monitors.%s is off: nothing will notice %s", mode.monitor, mode.name
                )

    def state_dict(self) -> dict[str, Any]:
        snapshots = {
            watched: [dict(each) for each in getattr(self.history, watched)] for watched in WATCHED
        }
        return {**snapshots, "present": sorted(self.present)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for watched in WATCHED:
            for snapshot in state_dict[watched]:
                if not all(
                    accepts(value, float) for value in [*snapshot.values(), snapshot["step"]]
                ):
                    raise ValueError(f"{watched} metrics are {shown(snapshot)}")
            getattr(self.history, watched).extend(state_dict[watched])
        self.present = set(state_dict["present"])

    def measure(
        self, module: WaveformTraining, observed: Observed, batch: Batch
    ) -> dict[str, Tensor | float]:
        self._check_metrics(module.trainer, "training")
        return {}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._check_metrics(trainer, "validation")

    def _check_metrics(self, trainer: pl.Trainer, watched: str) -> None:
        metrics = {
            key: float(value)
            for key, value in trainer.callback_metrics.items()
            if key.startswith(VALIDATION_SECTIONS) == (watched == "validation")
        }
        getattr(self.history, watched).append({**metrics, "step": float(trainer.global_step)})
        for mode in FAILURE_MODES:
            if mode.watched == watched:
                self._check_mode(mode, trainer)

    def _check_mode(self, mode: FailureMode, trainer: pl.Trainer) -> None:
        is_known = mode.name in self.present
        if not is_known and mode.is_present(self.history, self.patience):
            self.present.add(mode.name)
            self._warn(mode, trainer)
        elif is_known and mode.is_over(self.history, self.patience):
            self.present.remove(mode.name)
            logger.info("step %d: %s is over", trainer.global_step, mode.name)

    def _warn(self, mode: FailureMode, trainer: pl.Trainer) -> None:
        sentence = mode.sentence(self.history)
        logger.warning("step %d: %s", trainer.global_step, sentence)
        for each in run_loggers(trainer):
            each.alert(mode.name, sentence)


def _warn_of_overlap(model: SpeechModel, num_ahead: int) -> None:
    """Logs a warning where most predicted latents read what the context has read already."""
    if not isinstance(model, CodeModel):
        return
    milliseconds = 1000 / model.sample_rate
    field = float(model.encoder.chain.receptive_field) * milliseconds
    hop = float(model.encoder.chain.grid().spacing) * milliseconds
    num_overlapping = min(num_ahead, ceil(field / hop) - 1)
    if 2 * num_overlapping > num_ahead:
        logger.warning(
            "a latent reads %g ms, and the next one comes after %g ms: %d of the %d latents that "
            "objective.contrastive predicts overlap what the context has read, and can be matched "
            "without knowing speech.  Lower encoder.kernels or dilations, or raise "
            "objective.contrastive.num_ahead",
            *(field, hop, num_overlapping, num_ahead),
        )
