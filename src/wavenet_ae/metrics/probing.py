"""Probes of every representation for phone and speaker, each beside what chance gives.

phone of a frame          trained and tested on different speakers
speaker of a frame        trained and tested on different utterances of the same speakers
speaker of an utterance   the same, of the mean over all frames of an utterance
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wavenet_ae.metrics.confidence import Interval, clustered_interval
from wavenet_ae.metrics.cross_validation import folds_of_groups, folds_of_utterances
from wavenet_ae.metrics.probe_data import Matrix, ProbeData
from wavenet_ae.metrics.probes import KINDS, Kind, predictions
from wavenet_ae.randomness import keyed_permutation, keyed_seed

NUM_FOLDS = 4
MOST_SPEAKERS = 100  # that a speaker probe tells apart


@dataclass(frozen=True)
class ProbeTask:
    """What is to be told of which rows.

    name       such as `phone of a frame`
    data       R rows
    labels     (R,) what is to be told
    unit       what is drawn at random, `speaker` or `utterance`, and `units` (R,) of the rows;
               no unit is both trained and tested on
    folds      from a seed to the fold (R,) of each row
    left_out   speakers that cannot be told apart, for want of a second utterance or because they
               are more than 100
    """

    name: str
    data: ProbeData
    labels: np.ndarray
    unit: str
    units: np.ndarray
    folds: Callable[[int], np.ndarray]
    left_out: int = 0


@dataclass(frozen=True)
class ProbeResult:
    """How often a probe is right, over all rows, each of them tested once a seed.

    accuracy      the mean over seeds, and its interval over units
    by_seed       the accuracy of each seed: another division into folds, another start
    shuffled      of the first seed, trained on the training rows' labels in random order
    prior         of always the commonest label of the training rows
    unit          what the intervals are over: speaker or utterance
    """

    task: str
    representation: str
    kind: Kind
    accuracy: Interval
    by_seed: tuple[float, ...]
    shuffled: Interval
    prior: Interval
    unit: str
    num_labels: int
    num_rows: int
    left_out: int


def phone_task(frames: ProbeData) -> ProbeTask | None:
    """By speaker; of a single speaker, by utterance; None where there is but one utterance.

    All frames must have a phone.
    """
    assert frames.phone is not None and (frames.phone >= 0).all()
    several = len(np.unique(frames.speaker)) > 1
    unit, units = ("speaker", frames.speaker) if several else ("utterance", frames.utterance)
    num_folds = min(NUM_FOLDS, len(np.unique(units)))
    if num_folds < 2:
        return None

    def folds(seed: int) -> np.ndarray:
        return folds_of_groups(units, num_folds, seed)

    return ProbeTask("phone of a frame", frames, frames.phone, unit, units, folds)


def speaker_task(data: ProbeData) -> ProbeTask | None:
    """None where fewer than two speakers have two utterances each."""
    pairs = np.unique(np.stack([data.speaker, data.utterance]), axis=1)
    speakers, num_utterances = np.unique(pairs[0], return_counts=True)
    able = speakers[num_utterances >= 2]
    kept = able[keyed_permutation(len(able), 0, "speakers")[:MOST_SPEAKERS]]
    if len(kept) < 2:
        return None
    own = _rows(data, np.isin(data.speaker, kept))

    def folds(seed: int) -> np.ndarray:
        return folds_of_utterances(own.utterance, own.speaker, NUM_FOLDS, seed)

    name = "speaker of an utterance" if data.phone is None else "speaker of a frame"
    left_out = len(speakers) - len(kept)
    return ProbeTask(name, own, own.speaker, "utterance", own.utterance, folds, left_out)


def run_probes(
    tasks: Sequence[ProbeTask], seeds: Sequence[int] = (0, 1, 2)
) -> Iterator[ProbeResult]:
    """The result of each task, representation and kind of probe, as soon as it is known; there
    will be `num_probes(tasks)`."""
    for task in tasks:
        for name in task.data.values:
            for kind in KINDS:
                yield run_probe(task, name, kind, seeds)


def num_probes(tasks: Sequence[ProbeTask]) -> int:
    return sum(len(task.data.values) * len(KINDS) for task in tasks)


def run_probe(
    task: ProbeTask, representation: str, kind: Kind, seeds: Sequence[int] = (0, 1, 2)
) -> ProbeResult:
    values = task.data.values[representation]
    right = [_right(task, values, kind, seed) for seed in seeds]
    prior = [_prior(task, seed) for seed in seeds]
    shuffled = _right(task, values, kind, seeds[0], is_shuffled=True)
    return ProbeResult(
        task=task.name,
        representation=representation,
        kind=kind,
        accuracy=clustered_interval(np.mean(right, axis=0), task.units),
        by_seed=tuple(float(each.mean()) for each in right),
        shuffled=clustered_interval(shuffled, task.units),
        prior=clustered_interval(np.mean(prior, axis=0), task.units),
        unit=task.unit,
        num_labels=len(np.unique(task.labels)),
        num_rows=len(task.labels),
        left_out=task.left_out,
    )


def _divisions(task: ProbeTask, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places of the training and of the test rows, fold after fold."""
    folds = task.folds(seed)
    for fold in np.unique(folds):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        assert not np.isin(task.units[test], task.units[train]).any(), "a unit is in both"
        yield train, test


def _right(
    task: ProbeTask, values: Matrix, kind: Kind, seed: int, is_shuffled: bool = False
) -> np.ndarray:
    """(R,) whether a probe that was not trained on the row is right."""
    right = np.zeros(len(task.labels))
    for number, (train, test) in enumerate(_divisions(task, seed)):
        labels = task.labels[train]
        if is_shuffled:
            labels = labels[keyed_permutation(len(labels), seed, "shuffled labels", number)]
        start = keyed_seed(seed, "probe", number) % 2**32
        guesses = predictions(kind, values[train], labels, values[test], start)
        right[test] = guesses == task.labels[test]
    return right


def _prior(task: ProbeTask, seed: int) -> np.ndarray:
    """(R,) whether the commonest label of the training rows is right."""
    right = np.zeros(len(task.labels))
    for train, test in _divisions(task, seed):
        names, counts = np.unique(task.labels[train], return_counts=True)
        right[test] = task.labels[test] == names[counts.argmax()]
    return right


def _rows(data: ProbeData, kept: np.ndarray) -> ProbeData:
    values = {name: each[kept] for name, each in data.values.items()}
    phone = None if data.phone is None else data.phone[kept]
    return ProbeData(values, data.utterance[kept], data.speaker[kept], phone)
