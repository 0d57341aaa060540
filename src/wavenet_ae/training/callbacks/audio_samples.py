"""Audio samples of a run: a few validation utterances, reconstructed and converted."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging

from wavenet_ae.audio.io import write
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.engines import (
    BackgroundCompilation,
    Sampling,
    make_engine,
    prepare_engine,
    stream_seed,
)
from wavenet_ae.errors import UserError, nearest
from wavenet_ae.file_names import LONGEST_NAME, fitting
from wavenet_ae.models import CodeModel, GenerativeModel, SpeechModel
from wavenet_ae.models.computing import evaluation_mode
from wavenet_ae.models.roles import Conditioning
from wavenet_ae.models.sampling import synthesize
from wavenet_ae.models.utterance import encode_utterance
from wavenet_ae.plotting.figures import save
from wavenet_ae.plotting.spectrograms import plot_spectrograms
from wavenet_ae.runs import RunFolder
from wavenet_ae.schema import NonNegative, Positive, PositiveFraction, PositiveNumber
from wavenet_ae.training.logging import log_scalars, run_loggers
from wavenet_ae.training.logging.base import current_step
from wavenet_ae.training.module import WaveformTraining

logger = logging.getLogger(__name__)

Samples = dict[str, np.ndarray]  # (T,) int16, by the name of their file


@dataclass(frozen=True)
class SampledUtterance:
    """An utterance, and the speakers as whom it is made.

    Args:
        name: Name of its files.
        original: (T,) int16.
        speakers: Rows of the speakers by the ending of the file's name; the spectrogram of the
            first is plotted beside the original's.
    """

    name: str
    original: np.ndarray
    speakers: dict[str, int]


@torch.no_grad()
def make_samples(
    model: GenerativeModel, utterances: Sequence[SampledUtterance], engine: str
) -> Samples:
    """Makes each utterance as each of its speakers, as long as the original, all in one batch.

    Random numbers are the same each time.  Training mode is left as it was, part by part.

    Returns:
        The originals and what was made.
    """
    streams = [(each, ending, row) for each in utterances for ending, row in each.speakers.items()]
    names = [f"{each.name}-{ending}" for each, ending, _ in streams]
    rows = model.drop_speakers(torch.tensor([row for *_, row in streams]), None)
    with evaluation_mode(model):
        conditioning = _conditioning(model, [each.original for each, *_ in streams])
        seeds = [stream_seed(0, name) for name in names]
        steps = make_engine(engine, model.decoder)
        chunks = list(synthesize(model, steps, conditioning, rows, seeds, Sampling()))
    samples = {f"{each.name}-original": each.original for each in utterances}
    for index, (each, *_) in enumerate(streams):
        made = np.concatenate([chunk[index] for chunk in chunks])
        samples[names[index]] = made[: len(each.original)]
    return samples


def _conditioning(model: GenerativeModel, originals: Sequence[np.ndarray]) -> Conditioning:
    codes = None
    if isinstance(model, CodeModel):
        waveforms = [torch.from_numpy(each).to(model.device) for each in originals]
        codes = [encode_utterance(model, each) for each in waveforms]
    return model.conditioning(codes, [len(each) for each in originals])


def write_samples(
    folder: Path, utterances: Sequence[SampledUtterance], samples: Samples, sample_rate: int
) -> None:
    """Writes a recording for each of the samples, and a plot for each utterance."""
    for name, waveform in samples.items():
        write(folder / f"{name}.wav", waveform, sample_rate)
    for each in utterances:
        pair = [f"{each.name}-original", f"{each.name}-{next(iter(each.speakers))}"]
        figure = plot_spectrograms({name: samples[name] for name in pair}, sample_rate)
        save(figure, folder / f"{each.name}.png")


class Clock:
    """Seconds spent on audio samples, and all seconds since training began."""

    def __init__(self, now: float) -> None:
        self.began = self.ended = now  # the training; the last audio samples
        self.spent = self.last = 0.0  # altogether; the last time

    def share_with_another(self, now: float) -> float:
        """Returns the share of all time, if the next samples took as long as the last ones."""
        return (self.spent + self.last) / max(now - self.began + self.last, 1e-9)

    def add(self, start: float, end: float) -> float:
        """Adds the time of samples; returns their share of the time since the last ones."""
        share = (end - start) / max(end - self.ended, 1e-9)
        self.last, self.ended = end - start, end
        self.spent += self.last
        return share


class AudioSamples(pl.Callback):
    """Reconstructs and converts a few utterances, writes and logs them.

    The files are `<utterance>-{original,reconstruction,to-<speaker>}.wav` in a folder for each
    step, and spectrograms of original and reconstruction.  The utterances are the first of the
    validation split.  While a bottleneck does not quantize yet, its vectors are decoded; a model
    without codes generates `sample-of-<speaker>`, and one without a decoder nothing.  Averaged
    weights are used where there are any, so that it comes after their callback.  It changes nothing
    of the run.

    Args:
        run_folder: The run's folder, which holds the samples.
        every_n_steps: Optimizer steps between two sets of samples; there is one more set at the end
            of a run that is as long.  0: never.
        num_utterances: In a set.
        max_seconds: Seconds of each utterance, at most.
        convert_to: A speaker of the training split; None: the next one.
        engine: Steps the decoder.
        max_share: Share of the training time.  Samples that would exceed it, if they took as long
            as the last ones, are left out.  The first ones are always made, since their cost is
            not known.
    """

    reads_monitors = True  # their metrics of a step are logged before the samples of the step

    def __init__(
        self,
        run_folder: str,
        every_n_steps: NonNegative = 1000,
        num_utterances: Positive = 2,
        max_seconds: PositiveNumber = 2.0,
        convert_to: str | None = None,
        engine: str = "auto",
        max_share: PositiveFraction = 0.1,
    ) -> None:
        self.run = RunFolder(run_folder)
        self.every_n_steps, self.num_utterances = every_n_steps, num_utterances
        self.max_seconds, self.convert_to = max_seconds, convert_to
        self.engine, self.max_share = engine, max_share
        self.last_step = 0
        self.has_left_out = False
        self.compilation: BackgroundCompilation | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, WaveformTraining)
        self.last_step = trainer.global_step
        self.utterances: list[SampledUtterance] = []
        if self.every_n_steps and trainer.is_global_zero:
            model = pl_module.model
            if isinstance(model, GenerativeModel):
                # Fails now, not at the first samples.
                self.compilation = prepare_engine(self.engine, model.decoder)
                self.utterances = list(self._utterances(model, pl_module.data.corpus))
            else:
                logger.info("no audio samples are made: the model has no decoder")
        self.clock = Clock(time.perf_counter())

    def _utterances(
        self, model: GenerativeModel, corpus: PackedCorpus
    ) -> Iterator[SampledUtterance]:
        num_samples = round(self.max_seconds * model.sample_rate)
        names: list[str] = []
        for row in corpus.rows("validation")[: self.num_utterances].tolist():
            name = re.sub(r"\.\w+(?=#|$)", "", corpus.keys[row])  # without the file's suffix
            original = corpus.read(row, 0, min(num_samples, int(corpus.length[row])))
            speaker = corpus.speakers[corpus.speaker[row]]
            names.append(_file_name(name))
            if earlier := names[:-1].count(names[-1]):  # `a/b` and `a-b`
                names[-1] = f"{names[-1]}-{earlier + 1}"
            yield SampledUtterance(names[-1], original, self._speakers(model, speaker))

    def _speakers(self, model: GenerativeModel, speaker: str) -> dict[str, int]:
        row, known, target = model.speaker_row(speaker), model.speakers, self.convert_to
        if target is not None and target not in known:
            raise UserError(
                f"callbacks.audio_samples.convert_to is {target!r}, which is not a speaker of the "
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
            self._make_if_cheap(trainer, pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Makes the samples of an end by max_time before the validation ends the step's row."""
        if trainer.state.fn == "fit" and trainer.should_stop:
            self._make_last(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._make_last(trainer, pl_module)

    def teardown(self, *args: Any, **kwargs: Any) -> None:
        if self.compilation is not None:
            self.compilation.stop()

    def _make_last(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        step = trainer.global_step
        if step != self.last_step and step >= self.every_n_steps:
            self._make_if_cheap(trainer, pl_module)

    def _make_if_cheap(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self.utterances:
            return
        if self.compilation is not None:
            self.compilation.wait()  # it counts once, and not as time of samples
        self.last_step, start = trainer.global_step, time.perf_counter()
        share = self.clock.share_with_another(start)
        if self.clock.spent and share > self.max_share:
            self._warn_once(share)
            return
        model = _model_in_use(trainer, pl_module)
        assert isinstance(model, GenerativeModel)  # or there would be no utterances
        with torch.compiler.set_stance("force_eager"):  # or each length would be compiled again
            samples = make_samples(model, self.utterances, self.engine)
        folder = self.run.step_samples(self.last_step)
        write_samples(folder, self.utterances, samples, model.sample_rate)
        _log(trainer, folder, time.perf_counter() - start)
        share = self.clock.add(start, time.perf_counter())
        logger.info(
            "step %d: audio samples took %.1f s, %.1f %% of the time since training began or since "
            "the last ones: %s",
            *(self.last_step, self.clock.last, 100 * share, folder),
        )

    def _warn_once(self, share: float) -> None:
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
    """Returns a name, as plain text, that leaves room for another one in the name of a file."""
    return fitting(re.sub(r"[^\w.-]+", "-", name), LONGEST_NAME // 2 + len("-to-.wav"))


def _model_in_use(trainer: pl.Trainer, module: pl.LightningModule) -> SpeechModel:
    """Returns the model with the weights that validation and `wavenet_ae.load` use."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        average = getattr(callback, "_average_model", None)
        if isinstance(callback, WeightAveraging) and average is not None:
            return average.module.model  # type: ignore[no-any-return]
    assert isinstance(module, WaveformTraining)
    return module.model


def _log(trainer: pl.Trainer, folder: Path, seconds: float) -> None:
    """Logs the recordings and plots in a folder, and how long it took to make them."""
    log_scalars(trainer, {"audio_samples/seconds": seconds})
    for each in run_loggers(trainer):
        step = current_step(trainer)
        for file in sorted(folder.glob("*.wav")):
            each.add_audio(f"audio_samples/{file.stem}", file, step)
        for file in sorted(folder.glob("*.png")):
            each.add_image(f"audio_samples/{file.stem}", file, step)
