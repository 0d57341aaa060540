"""Probing: classifiers of phone and speaker on the frozen representations of a model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from wavenet_ae.evaluation.part import Context, Part, SkipPart
from wavenet_ae.evaluation.report.words import NOTES
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.metrics.baselines import training_windows
from wavenet_ae.metrics.cross_validation import Interval
from wavenet_ae.metrics.probe_data import ProbeCollector, choose_frames
from wavenet_ae.metrics.probing import (
    NUM_FOLDS,
    ProbeResult,
    num_probes,
    phone_task,
    run_probes,
    speaker_task,
)
from wavenet_ae.metrics.representations import Representations
from wavenet_ae.models.utterance import CodeLayout
from wavenet_ae.progress import Progress

logger = logging.getLogger(__name__)

TASKS = {
    "phone of a frame": "phone",
    "speaker of a frame": "speaker_of_frame",
    "speaker of an utterance": "speaker_of_utterance",
}
ENCODING = 0.2  # about this share of the time is for the encoding


def evaluate_probing(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields the table `probing`; without labels, only speakers are probed, on all utterances."""
    streams = context.code_model.code_streams
    rows: list[dict[str, Value]] = []
    metadata: dict[str, Value] = {}
    notes: dict[str, None] = {}
    for number, stream in enumerate(streams):

        def done(share: float, before: int = number) -> None:
            progress.at((before + share) / len(streams))

        found = _probe_stream(context, stream.name, done)
        rows += found.rows
        metadata = {**found.metadata, **metadata}
        notes |= dict.fromkeys(found.notes)
    for note in notes:
        logger.warning("%s", NOTES[note])
    keys = ["task", "representation", "probe"]
    yield ResultTable("probing", keys, rows, metadata, list(notes))


@dataclass(frozen=True)
class StreamProbes:
    """Rows of the table of one stream of codes, what holds for them, and ids of remarks."""

    rows: list[dict[str, Value]]
    metadata: dict[str, Value]
    notes: list[str]


def _probe_stream(context: Context, stream: str, done: Callable[[float], None]) -> StreamProbes:
    """Probes the representations at the instants of a stream's codes.

    Raises:
        SkipPart: There are too few utterances for any probe.
    """
    model, labeled, config = context.code_model, context.labeled, context.config
    corpus, rows = context.corpus, labeled.rows or range(len(context.corpus))
    windows = training_windows(model, corpus, config.seed)
    represent = Representations(model, model.config, windows, config.seed, stream)
    phones_of, layout = labeled.at if labeled.rows else None, CodeLayout(model, stream)
    choice = choose_frames(corpus, rows, layout, phones_of, config.probe_frames, seed=config.seed)
    collector = ProbeCollector(corpus, choice)
    for number, row in enumerate(choice.rows):
        waveform = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))
        collector.add(row, represent(waveform).values)
        done(ENCODING * (number + 1) / len(choice.rows))
    frames, means = collector.frames(), collector.means()
    phone = phone_task(frames) if labeled.rows else None
    speakers = [task for task in (speaker_task(frames), speaker_task(means)) if task is not None]
    tasks = [*([phone] if phone else []), *speakers]
    if not tasks:
        raise SkipPart("too_few_utterances")
    notes = ["no_phone_probe"] if labeled.rows and phone is None else []
    notes += [] if speakers else ["no_speaker_probe"]
    results = []
    for result in run_probes(tasks, range(config.probe_seeds)):
        results.append(result)
        done(ENCODING + (1 - ENCODING) * len(results) / num_probes(tasks))
    metadata: dict[str, Value] = {
        "num_frames": len(frames.utterance),
        "num_eligible_frames": choice.num_eligible,
        "num_seeds": config.probe_seeds,
        "num_folds": NUM_FOLDS,
        **({"phone_folds": f"{phone.unit}s"} if phone else {}),
        **({"speaker_folds": f"{speakers[0].unit}s"} if speakers else {}),
    }
    return StreamProbes([_row(each) for each in results], metadata, notes)


def _row(result: ProbeResult) -> dict[str, Value]:
    return {
        "task": TASKS[result.task],
        "representation": result.representation,
        "probe": result.kind,
        **_interval("accuracy", result.accuracy),
        "shuffled": result.shuffled.mean,
        "prior": result.prior.mean,
        "seeds_range": float(np.ptp(result.by_seed)),
        "num_labels": result.num_labels,
        "num_rows": result.num_rows,
        "num_left_out": result.left_out,
    }


def _interval(name: str, interval: Interval) -> dict[str, Value]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


PART = Part(
    "probing", order=60, needs={"codes"}, uses={"labels"}, run=evaluate_probing, is_on_cpu=True
)
