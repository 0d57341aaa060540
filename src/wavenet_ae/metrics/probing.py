"""Probing of every representation for phone and speaker, with chance levels.

- phone of a frame: trained and tested on different speakers
- speaker of a frame: trained and tested on different utterances of the same speakers
- speaker of an utterance: the same, for the mean over all frames of an utterance
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wavenet_ae.metrics.cross_validation import (
    Interval,
    clustered_interval,
    folds_of_groups,
    folds_of_utterances,
)
from wavenet_ae.metrics.probe_data import Matrix, ProbeData
from wavenet_ae.metrics.probes import KINDS, Kind, predictions
from wavenet_ae.randomness import keyed_permutation, keyed_seed

NUM_FOLDS = 4
MOST_SPEAKERS = 100  # classes of a speaker probe, at most


@dataclass(frozen=True)
class ProbeTask:
    """Classification task of a probe.

    Attributes:
        name: Name such as `phone of a frame`.
        data: The R rows.
        labels: `(R,)` labels to predict.
        unit: Unit that was sampled at random, `speaker` or `utterance`.
        units: `(R,)`, the unit of each row; no unit is both trained and tested on.
        folds: Function from a seed to the fold `(R,)` of each row.
        left_out: Speakers that are not classes, because they have a single utterance or because
            there are more than 100.
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
    """Accuracy of a probe over all rows, each tested once per seed.

    Attributes:
        task: Name of the task.
        representation: Name of the representation.
        kind: Kind of the probe.
        accuracy: Mean over seeds, and its interval over units.
        by_seed: Accuracy of each seed, which divides into other folds and has other initial
            weights.
        shuffled: Accuracy, for the first seed, after training on labels in random order.
        prior: Accuracy of always predicting the most frequent label of the training rows.
        unit: Unit of the intervals, speaker or utterance.
        num_labels: Number of classes.
        num_rows: Number of rows.
        left_out: Speakers that are not classes.
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
    """Returns the task of predicting a frame's phone, or None with a single utterance.

    Folds divide speakers or, with a single speaker, utterances.

    Args:
        frames: Frames that all have a phone.
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
    """Returns the task of predicting the speaker.

    Args:
        data: Frames, or means over utterances.

    Returns:
        The task, or None if fewer than two speakers have two utterances each.
    """
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
    """Runs all probes of all tasks and representations, `num_probes(tasks)` in total.

    Args:
        tasks: The tasks.
        seeds: Seeds of folds and initial weights.

    Yields:
        Each result as soon as it is known.
    """
    for task in tasks:
        for name in task.data.values:
            for kind in KINDS:
                yield run_probe(task, name, kind, seeds)


def num_probes(tasks: Sequence[ProbeTask]) -> int:
    """Returns the number of results of `run_probes`."""
    return sum(len(task.data.values) * len(KINDS) for task in tasks)


def run_probe(
    task: ProbeTask, representation: str, kind: Kind, seeds: Sequence[int] = (0, 1, 2)
) -> ProbeResult:
    """Trains and tests a probe of one representation.

    Args:
        task: The task.
        representation: Name of the representation.
        kind: Kind of the probe.
        seeds: Seeds of folds and initial weights.
    """
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
    """Yields the training rows and the test rows of each fold."""
    folds = task.folds(seed)
    for fold in np.unique(folds):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        assert not np.isin(task.units[test], task.units[train]).any(), "a unit is in both"
        yield train, test


def _right(
    task: ProbeTask, values: Matrix, kind: Kind, seed: int, is_shuffled: bool = False
) -> np.ndarray:
    """Returns whether a probe that was not trained on the row predicts it correctly, `(R,)`."""
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
    """Returns whether the most frequent label of the training rows is correct, `(R,)`."""
    right = np.zeros(len(task.labels))
    for train, test in _divisions(task, seed):
        names, counts = np.unique(task.labels[train], return_counts=True)
        right[test] = task.labels[test] == names[counts.argmax()]
    return right


def _rows(data: ProbeData, kept: np.ndarray) -> ProbeData:
    values = {name: each[kept] for name, each in data.values.items()}
    phone = None if data.phone is None else data.phone[kept]
    return ProbeData(values, data.utterance[kept], data.speaker[kept], phone)
