"""Audio samples of a run: a few validation utterances, reconstructed and converted."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from matplotlib.image import imread
from pytorch_lightning.callbacks import WeightAveraging
from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger

from wavenet_ae.audio.io import FULL_SCALE
from wavenet_ae.engines import make_engine
from wavenet_ae.errors import UserError, nearest
from wavenet_ae.models import CodeModel, GenerativeModel
from wavenet_ae.schema import NonNegative, Positive, PositiveFraction, PositiveNumber
from wavenet_ae.training.audio_samples import Sounds, Utterance, make_sounds, write_all
from wavenet_ae.training.module import WaveformTraining

logger = logging.getLogger(__name__)


class Clock:
    """Seconds spent on audio samples, and all since training began."""

    def __init__(self, now: float) -> None:
        self.began = self.ended = now  # the training; the last audio samples
        self.spent = self.last = 0.0  # altogether; the last time

    def share_with_another(self, now: float) -> float:
        """Share of all time, if the next audio samples took as long as the last ones."""
        return (self.spent + self.last) / max(now - self.began + self.last, 1e-9)

    def add(self, start: float, end: float) -> float:
        """Notes the time of audio samples; returns their share of the time since the last ones."""
        share = (end - start) / max(end - self.ended, 1e-9)
        self.last, self.ended = end - start, end
        self.spent += self.last
        return share


class AudioSamples(pl.Callback):
    """Writes `<run>/samples/step-XXXXXXXX/<utterance>-{original,reconstruction,to-<speaker>}.wav`,
    and spectrograms of original and reconstruction, and hands them to W&B and TensorBoard.

    The utterances are the first of the validation split.  While a bottleneck does not quantize yet
    its vectors are decoded; a model without codes makes up `sample-of-<speaker>`; averaged weights
    are used where there are such, for which it comes after their callback.  It changes nothing of
    the run.

    folder           of the run's checkpoints, beside which the samples lie
    every_n_steps    optimizer steps, and once more at the end of a run that is as long; 0: never
    max_seconds      that are heard of each utterance
    convert_to       a speaker of the training split; unset: the next one
    max_share        of all time: audio samples that would exceed it, at the cost of the last ones,
                     are left out.  The first ones are always made: their cost is not known before
    """

    def __init__(
        self,
        folder: str,
        every_n_steps: NonNegative = 1000,
        num_utterances: Positive = 2,
        max_seconds: PositiveNumber = 2.0,
        convert_to: str | None = None,
        engine: str = "auto",
        max_share: PositiveFraction = 0.1,
    ) -> None:
        self.folder = Path(folder).parent / "samples"
        self.every_n_steps, self.num_utterances = every_n_steps, num_utterances
        self.max_seconds, self.convert_to = max_seconds, convert_to
        self.engine, self.max_share = engine, max_share
        self.last_step = 0
        self.has_left_out = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, WaveformTraining)
        self.last_step = trainer.global_step
        self.utterances: list[Utterance] = []
        if self.every_n_steps and trainer.is_global_zero:
            make_engine(self.engine, pl_module.model.decoder)  # if there is none, it is said now
            self.utterances = list(self._utterances(pl_module))
        self.clock = Clock(time.perf_counter())

    def _utterances(self, module: WaveformTraining) -> Iterator[Utterance]:
        corpus, model = module.data.corpus, module.model
        num_samples = round(self.max_seconds * model.sample_rate)
        for row in corpus.rows("validation")[: self.num_utterances].tolist():
            name = re.sub(r"\.\w+(?=#|$)", "", corpus.keys[row])  # without the file's suffix
            original = corpus.read(row, 0, min(num_samples, int(corpus.length[row])))
            speaker = corpus.speakers[corpus.speaker[row]]
            yield Utterance(_file_name(name), original, self._voices(model, speaker))

    def _voices(self, model: GenerativeModel, speaker: str) -> dict[str, int]:
        row, known, target = model.speaker_row(speaker), model.speakers, self.convert_to
        if target is not None and target not in known:
            raise UserError(
                f"callbacks.audio_samples.convert_to is {target!r}, which is no speaker of the "
                f"training split.{nearest(target, known)}"
            )
        if not isinstance(model, CodeModel):
            return {f"sample-of-{_file_name(speaker)}": row}
        target = target or known[(row + 1) % len(known)]
        converted = {f"to-{_file_name(target)}": model.speaker_row(target)}
        return {"reconstruction": row, **(converted if target != speaker else {})}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        step = trainer.global_step
        is_due = self.every_n_steps and step % self.every_n_steps == 0
        is_end = step == trainer.max_steps and step >= self.every_n_steps
        if step != self.last_step and (is_due or is_end):
            self._listen_if_cheap(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        step = trainer.global_step
        if step != self.last_step and step >= self.every_n_steps:  # an end by max_time
            self._listen_if_cheap(trainer, pl_module)

    def _listen_if_cheap(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self.utterances:
            return
        self.last_step, start = trainer.global_step, time.perf_counter()
        share = self.clock.share_with_another(start)
        if self.clock.spent and share > self.max_share:
            self._say_left_out(share)
            return
        model = _model_in_use(trainer, pl_module)
        with torch.compiler.set_stance("force_eager"):  # or each length would be compiled anew
            sounds = make_sounds(model, self.utterances, self.engine)
        folder = self.folder / f"step-{self.last_step:08d}"
        write_all(folder, self.utterances, sounds, model.sample_rate)
        _hand_over(trainer, folder, sounds, model.sample_rate, time.perf_counter() - start)
        share = self.clock.add(start, time.perf_counter())
        logger.info(
            "step %d: audio samples took %.1f s, %.1f %% of the time since training began or since "
            "the last ones: %s",
            *(self.last_step, self.clock.last, 100 * share, folder),
        )

    def _say_left_out(self, share: float) -> None:
        if self.has_left_out:
            return
        self.has_left_out = True
        logger.warning(
            "step %d: no audio samples, now and later: at the %.1f s that the last ones took they "
            "would come to %.0f %% of all time, but callbacks.audio_samples.max_share is %g.  "
            "Raise that or every_n_steps, or lower max_seconds or num_utterances",
            *(self.last_step, self.clock.last, 100 * share, self.max_share),
        )


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name)


def _model_in_use(trainer: pl.Trainer, module: pl.LightningModule) -> GenerativeModel:
    """With the weights that validation and `wavenet_ae.load` have."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        average = getattr(callback, "_average_model", None)
        if isinstance(callback, WeightAveraging) and average is not None:
            return average.module.model  # type: ignore[no-any-return]
    assert isinstance(module, WaveformTraining)
    return module.model


def _hand_over(
    trainer: pl.Trainer, folder: Path, sounds: Sounds, sample_rate: int, seconds: float
) -> None:
    """To all loggers how long it took, to those that have a place for them sounds and pictures."""
    step, figures = trainer.global_step - 1, {"audio_samples/seconds": seconds}
    for each in trainer.loggers:
        match each:
            case WandbLogger():
                # To a row that a validation has ended W&B adds no more: it is a row of its own.
                place = max(step, each.experiment.step)
                record = {**figures, **_wandb_media(folder), "trainer/global_step": step}
                each.experiment.log(record, step=place, commit=place != step)
            case TensorBoardLogger():
                each.log_metrics(figures, step)
                _add_to_tensorboard(each, folder, sounds, sample_rate, step)
            case _:
                each.log_metrics(figures, step)


def _wandb_media(folder: Path) -> dict[str, Any]:
    import wandb  # takes a second, which only its users wait

    sounds = {f"audio_samples/{file.stem}": wandb.Audio(str(file)) for file in folder.glob("*.wav")}
    pictures = {
        f"audio_samples/{file.stem}": wandb.Image(str(file)) for file in folder.glob("*.png")
    }
    return {**sounds, **pictures}


def _add_to_tensorboard(
    board: TensorBoardLogger, folder: Path, sounds: Sounds, sample_rate: int, step: int
) -> None:
    for name, samples in sounds.items():
        waveform = torch.from_numpy(samples)[None] / FULL_SCALE  # (1, T)
        board.experiment.add_audio(f"audio_samples/{name}", waveform, step, sample_rate)
    for file in folder.glob("*.png"):
        pixels = imread(file)[..., :3]  # (H, W, 3)
        board.experiment.add_image(f"audio_samples/{file.stem}", pixels, step, dataformats="HWC")
