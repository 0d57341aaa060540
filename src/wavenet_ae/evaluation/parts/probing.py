"""The part of an evaluation that trains probes on what the model has frozen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from wavenet_ae.checkpoint import SECTION, read_checkpoint
from wavenet_ae.evaluation.config import Settings
from wavenet_ae.evaluation.labeled_corpus import LabeledCorpus
from wavenet_ae.evaluation.progress import Progress
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.metrics.confidence import Interval
from wavenet_ae.metrics.frames import choose_frames
from wavenet_ae.metrics.probe_data import ProbeCollector
from wavenet_ae.metrics.probing import (
    NUM_FOLDS,
    ProbeResult,
    num_probes,
    phone_task,
    run_probes,
    speaker_task,
)
from wavenet_ae.metrics.random_model import training_windows
from wavenet_ae.metrics.representations import Representations
from wavenet_ae.models import Autoencoder
from wavenet_ae.models.utterance import CodeLayout

ENCODING = 0.2  # about this share of the time is for the encoding


def judge_probes(
    model: Autoencoder, labeled: LabeledCorpus, settings: Settings, progress: Progress
) -> Iterator[ResultTable]:
    """On labeled utterances; without any, speakers are probed on all of them."""
    corpus, rows = labeled.corpus, labeled.rows or range(len(labeled.corpus))
    config = read_checkpoint(settings.file)[SECTION]["config"]
    windows = training_windows(model, corpus, settings.seed)
    represent = Representations(model, config, windows, settings.seed)
    phones_of = labeled.at if labeled.rows else None
    choice = choose_frames(
        corpus, rows, CodeLayout(model), phones_of, settings.probe_frames, seed=settings.seed
    )
    collector = ProbeCollector(corpus, choice)
    for number, row in enumerate(choice.rows):
        waveform = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))
        collector.add(row, represent(waveform).values)
        progress.at(ENCODING * (number + 1) / len(choice.rows))
    frames, means = collector.frames(), collector.means()
    offered = [phone_task(frames) if labeled.rows else None, speaker_task(frames)]
    tasks = [each for each in (*offered, speaker_task(means)) if each is not None]
    results = []
    for result in run_probes(tasks, range(settings.probe_seeds)):
        results.append(result)
        progress.at(ENCODING + (1 - ENCODING) * len(results) / num_probes(tasks))
    if results:
        about = _about(len(frames.utterance), choice.num_eligible, settings)
        title = "What probes find in frozen representations"
        yield ResultTable("probes", title, about, [_row(each) for each in results])


def _about(num_frames: int, num_eligible: int, settings: Settings) -> str:
    return (
        f"Of utterances of whatever split.  Share of {num_frames} of {num_eligible} frames, or of "
        "utterances by their mean, whose "
        "label a probe names that has not seen their speaker (phones) or utterance (speakers); "
        f"mean of {settings.probe_seeds} seeds of {NUM_FOLDS} folds, with 95 % intervals over "
        "speakers or utterances.  linear: logistic regression; mlp: a hidden layer of 128.  "
        "shuffled: trained on labels in random order; prior: always the commonest label.  "
        "latents are before the bottleneck, vectors and codes after it."
    )


def _row(result: ProbeResult) -> dict[str, Value]:
    return {
        "task": result.task,
        "representation": result.representation,
        "probe": result.kind,
        **_interval("accuracy", result.accuracy),
        "shuffled": result.shuffled.mean,
        "prior": result.prior.mean,
        "seeds_range": float(np.ptp(result.by_seed)),
        "num_labels": result.num_labels,
        "num_rows": result.num_rows,
        "left_out": result.left_out,
    }


def _interval(name: str, interval: Interval) -> dict[str, Value]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
