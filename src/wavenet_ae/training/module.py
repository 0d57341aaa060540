"""The Lightning module: one training step, one validation step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.checkpoint import FORMAT, SECTION
from wavenet_ae.data.module import SpeechData
from wavenet_ae.distributed import all_reduce_mean
from wavenet_ae.errors import UserError
from wavenet_ae.metrics.likelihood import controls
from wavenet_ae.models import CodeModel, CodeStream, GenerativeModel, SpeechModel
from wavenet_ae.objectives import Loss, Objective
from wavenet_ae.stream_names import of_stream
from wavenet_ae.training.freezing import freeze, frozen_parts
from wavenet_ae.training.optimizer import OptimizerConfig
from wavenet_ae.training.step_randomness import StepRandomness, StreamSize, seed_generators
from wavenet_ae.training.validation import ValidationSums
from wavenet_ae.types import Batch, BottleneckOutput, ModelOutput

UNHARMED = (
    ".  The weights were not updated and the last checkpoint is intact.  Lower "
    "optimizer.learning_rate or optimizer.decoder_learning_rate, or raise optimizer.warmup_steps."
)


class NonFiniteLoss(UserError):
    """The loss became infinite or NaN."""


@dataclass(frozen=True)
class Observed:
    """What the loss of a step was computed from."""

    output: ModelOutput
    loss: Loss


class WaveformTraining(pl.LightningModule):
    """Trains a model on the windows of `plan`.

    speaker_rows   (S,) the model's row of each speaker of the corpus
    model_config   plain values from which `models.build` made the model; they go into checkpoints
    """

    def __init__(
        self,
        model: SpeechModel,
        objective: Objective,
        optimization: OptimizerConfig,
        plan: WindowPlan,
        seed: int,
        speaker_rows: Tensor,
        model_config: dict[str, Any],
    ) -> None:
        super().__init__()
        self.model = model
        self.objective = objective
        self.optimization = optimization
        self.plan = plan
        self.seed = seed
        self.model_config = model_config
        # No buffer: an averaging of the weights would average it as well.
        self.speaker_rows = speaker_rows
        freeze(frozen_parts(model, optimization.frozen))

    def train(self, mode: bool = True) -> WaveformTraining:
        """Sets the mode of all parts; frozen parts stay in evaluation mode."""
        super().train(mode)
        freeze(frozen_parts(self.model, self.optimization.frozen))
        return self

    @property
    def code_streams(self) -> tuple[CodeStream, ...]:
        """Streams of codes, the coarsest first; none of a model without codes."""
        return self.model.code_streams if isinstance(self.model, CodeModel) else ()

    @property
    def data(self) -> SpeechData:
        return self.trainer.datamodule  # type: ignore[attr-defined]

    def configure_optimizers(self) -> Any:
        optimizer = self.optimization.optimizer(self.model, self.objective)
        scheduler = {"scheduler": self.optimization.scheduler(optimizer), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def on_fit_start(self) -> None:
        self.speaker_rows = self.speaker_rows.to(self.device)
        self.randomness = StepRandomness(
            seed=self.seed,
            batch_size=self.data.batch_size,
            num_codes=self.plan.num_codes,
            rank=self.global_rank,
            num_processes=self.trainer.world_size,
            **self._latent_randomness(),
            **self._input_randomness(),
        )

    def _latent_randomness(self) -> dict[str, Any]:
        """Returns how many random numbers the codes of an item take, beside jitter."""
        bottlenecks = [each.bottleneck for each in self.code_streams]
        copies = max((each.samples_per_datapoint for each in bottlenecks), default=1)
        if len(bottlenecks) < 2:
            noise = sum(each.latent_noise_dim for each in bottlenecks)
            return {"latent_dim": noise, "samples_per_datapoint": copies}
        sizes = {
            each.name: StreamSize(
                self.plan.num_codes * each.codes_per_hop, each.bottleneck.latent_noise_dim
            )
            for each in self.code_streams
        }
        return {"latent_dim": 0, "samples_per_datapoint": copies, "streams": sizes}

    def _input_randomness(self) -> dict[str, Any]:
        """Returns how many random numbers an item's input is perturbed by; none for most models."""
        perturbation = (
            self.model.encoder.perturbation if isinstance(self.model, CodeModel) else None
        )
        if perturbation is None:
            return {}
        assert isinstance(self.model, CodeModel)
        read = self.plan.encoder_input
        num_samples = read.stop - read.start
        return {
            "input_uniforms": perturbation.num_uniforms(self.model.encoder.features, num_samples),
            "input_noise": perturbation.num_noise_samples(num_samples),
        }

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Returns the loss and, for the monitors, what it was computed from."""
        assert batch.position is not None
        seed_generators(self.seed, batch.position, self.global_rank)
        step = self.randomness.step(self.global_step, batch.position, self.device)
        speaker = self.speaker_rows[batch.speaker]
        output = self.model(batch.waveform, speaker, self.plan, step, batch.feature_mean)
        loss = self.objective(output, batch, self.plan, self.global_step)
        metrics = _averaged(_training_metrics(loss, output.streams))
        self._require_finite(metrics, batch)
        self.log_dict(metrics)
        self.data.consume(batch)
        return {"loss": loss.total, "observed": Observed(output, loss)}

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clips by norm, and lets no gradient that is not finite reach the weights."""
        limit = gradient_clip_val or torch.inf
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), limit)
        self.log("train/gradient_norm", norm)
        if not torch.isfinite(norm):
            raise NonFiniteLoss(
                f"the gradient is not finite before step {self.global_step + 1}" + UNHARMED
            )

    def _require_finite(self, metrics: dict[str, Tensor], batch: Batch) -> None:
        if torch.isfinite(metrics["train/loss"]):
            return
        assert batch.position is not None
        keys = [self.data.corpus.keys[row] for row in batch.utterance.tolist()]
        parts = {key: value for key, value in metrics.items() if key.startswith("train/")}
        raise NonFiniteLoss(
            f"the loss is not finite at step {self.global_step} (epoch {batch.position.epoch}, "
            f"batch {batch.position.batch}): "
            + ", ".join(f"{name} {value.item():.4g}" for name, value in parts.items())
            + f".  Utterances of the batch: {', '.join(keys)}"
            + UNHARMED
        )

    def on_validation_epoch_start(self) -> None:
        self.validation = ValidationSums(self.model, self.device)

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Collects what the objective's terms report, how codes are used, and of a model that
        predicts its input the NLL with the item's own codes and speaker and with others'.
        """
        speaker = self.speaker_rows[batch.speaker]
        output = self.model(batch.waveform, speaker, self.plan, feature_mean=batch.feature_mean)
        others: Iterable[tuple[str, ModelOutput]] = ()
        if isinstance(self.model, GenerativeModel):
            others = controls(self.model, output, batch.waveform, speaker, self.plan)
        self.validation.add(output, others, speaker)
        self.validation.add_terms(self.objective.validate(output, batch, self.plan))
        return {"streams": output.streams}

    def on_validation_epoch_end(self) -> None:
        self.validation.over_processes()
        for name, value in self.validation.metrics().items():
            self.log(f"validation/{name}", value)
        bitrates = self.validation.bitrates(self.data.mean_validation_seconds)
        for name, bits in bitrates.items():
            self.log(f"bitrate/{name}", bits)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[SECTION] = {
            "format": FORMAT,
            "config": self.model_config,
            "speakers": list(self.model.speakers),
        }


def _training_metrics(loss: Loss, streams: Mapping[str, BottleneckOutput]) -> dict[str, Tensor]:
    """Returns what a step logs, by name."""
    metrics = {f"train/{name}": value for name, value in loss.metrics.items()}
    metrics["train/loss"] = loss.total
    for stream, output in streams.items():
        for name, value in output.losses.items():
            metrics[of_stream(f"bottleneck/{name}", stream)] = value.mean()
    return metrics


def _averaged(metrics: dict[str, Tensor]) -> dict[str, Tensor]:
    """Averages over processes, so that all of them log the same."""
    values = all_reduce_mean(torch.stack([value.detach().float() for value in metrics.values()]))
    return dict(zip(metrics, values, strict=True))
