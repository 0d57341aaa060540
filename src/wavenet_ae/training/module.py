"""The Lightning module: one training step, one validation step."""

from __future__ import annotations

from math import log
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.bottlenecks.quantiser import perplexity
from wavenet_ae.data.module import SpeechData
from wavenet_ae.errors import UserError
from wavenet_ae.models import WaveformAutoencoder
from wavenet_ae.objectives import WaveformObjective
from wavenet_ae.objectives.waveform import Loss, negative_log_likelihood
from wavenet_ae.training.optimisation import Optimisation
from wavenet_ae.training.random_steps import StepDraws, seed_generators
from wavenet_ae.types import Batch, BottleneckOutput

NATS_PER_BIT = log(2)
UNHARMED = (
    ".  The weights were not updated and the last checkpoint is intact.  Lower "
    "optimizer.learning_rate or optimizer.decoder_learning_rate, or raise optimizer.warmup_steps."
)


class NonFiniteLoss(UserError):
    """The loss became infinite or NaN."""


class AutoencoderTraining(pl.LightningModule):
    """Trains a waveform autoencoder on the windows of `plan`.

    speaker_rows   (S,) the model's row of each speaker of the corpus
    model_config   plain values from which `models.build` made the model; they go into checkpoints
    """

    def __init__(
        self,
        model: WaveformAutoencoder,
        objective: WaveformObjective,
        optimisation: Optimisation,
        plan: WindowPlan,
        seed: int,
        speaker_rows: Tensor,
        model_config: dict[str, Any],
    ) -> None:
        super().__init__()
        self.model = model
        self.objective = objective
        self.optimisation = optimisation
        self.plan = plan
        self.seed = seed
        self.model_config = model_config
        # No buffers: an averaging of the weights would average these as well.
        self.speaker_rows = speaker_rows
        self.code_counts = torch.zeros(self.codebook_size)

    @property
    def codebook_size(self) -> int:
        return self.model.bottleneck.codebook_size or 0

    @property
    def data(self) -> SpeechData:
        return self.trainer.datamodule  # type: ignore[attr-defined]

    def configure_optimizers(self) -> Any:
        optimizer = self.optimisation.optimizer(self.model)
        scheduler = {"scheduler": self.optimisation.scheduler(optimizer), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def on_fit_start(self) -> None:
        self.speaker_rows = self.speaker_rows.to(self.device)
        bottleneck = self.model.bottleneck
        self.draws = StepDraws(
            seed=self.seed,
            batch_size=self.data.batch_size,
            num_codes=self.plan.num_codes,
            latent_dim=bottleneck.latent_noise_dim,
            samples_per_datapoint=bottleneck.samples_per_datapoint,
            rank=self.global_rank,
            num_processes=self.trainer.world_size,
        )

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        assert batch.position is not None
        seed_generators(self.seed, batch.position, self.global_rank)
        step = self.draws.step(self.global_step, batch.position, self.device)
        speaker = self.speaker_rows[batch.speaker]
        output = self.model(batch.waveform, speaker, self.plan, step)
        loss = self.objective(output, self.plan, self.global_step)
        self._require_finite(loss, batch)
        self._log_training(loss, output.bottleneck)
        self.data.consume(batch)
        return loss.total

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by norm, and let no gradient that is not finite reach the weights."""
        limit = gradient_clip_val or torch.inf
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), limit)
        self.log("train/gradient_norm", norm)
        if not torch.isfinite(norm):
            raise NonFiniteLoss(
                f"the gradient is not finite before step {self.global_step + 1}" + UNHARMED
            )

    def _require_finite(self, loss: Loss, batch: Batch) -> None:
        if torch.isfinite(loss.total):
            return
        keys = [self.data.corpus.keys[row] for row in batch.utterance.tolist()]
        parts = {"nll": loss.nll, **loss.terms}
        raise NonFiniteLoss(
            f"the loss is not finite at step {self.global_step} (epoch {batch.position.epoch}, "  # type: ignore[union-attr]
            f"batch {batch.position.batch}): "  # type: ignore[union-attr]
            + ", ".join(f"{name} {value.item():.4g}" for name, value in parts.items())
            + f".  Utterances of the batch: {', '.join(keys)}"
            + UNHARMED
        )

    def _log_training(self, loss: Loss, bottleneck: BottleneckOutput) -> None:
        self.log("train/nll", loss.nll)
        self.log("train/bits_per_sample", loss.nll.detach() / NATS_PER_BIT)
        self.log("train/loss", loss.total)
        for name, term in loss.terms.items():
            self.log(f"train/{name}_term", term)
        for name, value in bottleneck.losses.items():
            self.log(f"bottleneck/{name}", value.mean())
        for name, value in bottleneck.metrics.items():
            self.log(f"bottleneck/{name}", value)
        if loss.elbo is not None:
            self.log("train/negative_elbo", loss.elbo)

    def on_validation_epoch_start(self) -> None:
        self.code_counts = torch.zeros(self.codebook_size, device=self.device)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """NLL with the true codes and with those of the next item of the batch."""
        speaker = self.speaker_rows[batch.speaker]
        bottleneck = self.model.bottleneck(self.model.latents(batch.waveform, self.plan))
        true = self._nll(bottleneck, bottleneck.vectors, batch, speaker)
        other = self._nll(bottleneck, bottleneck.vectors.roll(-1, dims=0), batch, speaker)
        figures = {
            "nll": true,
            "bits_per_sample": true / NATS_PER_BIT,
            "nll_other_codes": other,
            "gain_over_other_codes": other - true,
        }
        for name, value in figures.items():
            self.log(f"validation/{name}", value, batch_size=len(batch), sync_dist=True)
        if bottleneck.codes is not None:
            counts = torch.bincount(bottleneck.codes.flatten(), minlength=self.codebook_size)
            self.code_counts += counts

    def _nll(
        self, bottleneck: BottleneckOutput, vectors: Tensor, batch: Batch, speaker: Tensor
    ) -> Tensor:
        output = self.model.predict(bottleneck, vectors, batch.waveform, speaker, self.plan)
        return negative_log_likelihood(output).mean()

    def on_validation_epoch_end(self) -> None:
        if not self.codebook_size:
            return
        counts = self.trainer.strategy.reduce(self.code_counts, reduce_op="sum")
        if counts.sum() > 0:  # none while latents pass unquantised
            self.log("validation/perplexity", perplexity(counts))
            self.log("validation/codes_used", (counts > 0).float().mean())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["wavenet_ae"] = {
            "format": 1,
            "config": self.model_config,
            "speakers": list(self.model.speakers),
        }
