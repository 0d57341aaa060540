"""Probes: known answers, agreement with scikit-learn, and folds that never leak."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse import csr_array
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from wavenet_ae.metrics.cross_validation import (
    clustered_interval,
    folds_of_groups,
    folds_of_utterances,
)
from wavenet_ae.metrics.probe_data import Matrix, ProbeData
from wavenet_ae.metrics.probes import KINDS, predictions
from wavenet_ae.metrics.probing import (
    MOST_SPEAKERS,
    num_probes,
    phone_task,
    run_probe,
    run_probes,
    speaker_task,
)

NUM_SPEAKERS, NUM_UTTERANCES, NUM_PHONES = 6, 24, 5
PRIORS = [0.4, 0.2, 0.2, 0.1, 0.1]


def data(num_frames: int = 40, **values: Matrix) -> ProbeData:
    """So many frames of each utterance, six speakers, four utterances of each."""
    rng = np.random.default_rng(0)
    utterance = np.repeat(np.arange(NUM_UTTERANCES), num_frames)
    phone = rng.choice(NUM_PHONES, len(utterance), p=PRIORS)
    return ProbeData(values, utterance, utterance % NUM_SPEAKERS, phone)


def one_hot(labels: np.ndarray) -> csr_array:
    rows = np.arange(len(labels) + 1)
    shape = (len(labels), int(labels.max()) + 1)
    return csr_array((np.ones(len(labels), np.float32), labels, rows), shape=shape)


def noisy(labels: np.ndarray, noise: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    places = rng.normal(size=(labels.max() + 1, 8))[labels]
    return (places + noise * rng.normal(size=places.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def known() -> ProbeData:
    bare = data()
    assert bare.phone is not None
    rng = np.random.default_rng(2)
    return data(
        perfect=noisy(bare.phone, 0.01),
        perfect_codes=one_hot(bare.phone),
        random=rng.normal(size=(len(bare.phone), 8)).astype(np.float32),
        random_codes=one_hot(rng.integers(0, 16, len(bare.phone))),
        speaker=noisy(bare.speaker, 0.01),
        speaker_codes=one_hot(bare.speaker),
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["", "_codes"])
def test_probes_find_what_is_known_to_be_there(known, kind, form):
    phone, speaker = phone_task(known), speaker_task(known)
    assert phone is not None and speaker is not None
    seeds = (0, 1) if kind == "linear" else (0,)
    found = run_probe(phone, f"perfect{form}", kind, seeds)
    assert (found.accuracy.low, found.accuracy.mean, found.accuracy.high) == (1, 1, 1)
    assert found.by_seed == tuple(1 for _ in seeds)
    assert found.prior.mean == pytest.approx(0.4, abs=0.03) and found.num_labels == NUM_PHONES
    assert_at_most_prior(found.shuffled, found.prior)

    found = run_probe(speaker, f"speaker{form}", kind, seeds)
    assert found.accuracy.mean == 1 and found.num_labels == NUM_SPEAKERS
    assert found.unit == "utterance" and found.accuracy.num_units == NUM_UTTERANCES
    assert_at_most_prior(found.shuffled, found.prior)

    for task, name in ((phone, "random"), (phone, "speaker"), (speaker, "random")):
        result = run_probe(task, f"{name}{form}", kind, seeds)
        assert_at_most_prior(result.accuracy, result.prior)


def assert_at_most_prior(accuracy, prior):
    """At the prior, or below where a probe follows noise: its guesses then have no majority."""
    assert accuracy.low <= prior.high
    assert accuracy.mean <= prior.mean + 0.05


def test_a_linear_probe_that_finds_nothing_is_at_the_prior(known):
    task = phone_task(known)
    result = run_probe(task, "random_codes", "linear")
    assert result.accuracy.low - 0.02 <= result.prior.mean <= result.accuracy.high + 0.02


def test_an_mlp_finds_classes_that_are_not_linearly_separable():
    rng = np.random.default_rng(0)
    utterance = np.repeat(np.arange(24), 60)
    plane = rng.uniform(-1, 1, (len(utterance), 2)).astype(np.float32)
    phone = (plane.prod(axis=1) > 0).astype(np.int64)
    task = phone_task(ProbeData({"plane": plane}, utterance, utterance % 6, phone))
    linear, mlp = (run_probe(task, "plane", kind, seeds=(0,)).accuracy for kind in KINDS)
    assert linear.mean < 0.6 and mlp.low > 0.8


def test_utterances_are_probed_by_their_means():
    utterance = np.arange(40)
    means = noisy(utterance % 4, 0.3)
    task = speaker_task(ProbeData({"latents": means}, utterance, utterance % 4))
    assert task.name == "speaker of an utterance"
    for kind in KINDS:
        result = run_probe(task, "latents", kind, seeds=(0,))
        assert result.accuracy.mean == 1 and result.shuffled.mean < 0.6


def test_linear_probe_and_prior_agree_with_scikit_learn():
    bare = data()
    task = phone_task(data(latents=noisy(bare.phone, 1.0)))
    folds = PredefinedSplit(task.folds(0))
    rows = task.data.values["latents"]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    result = run_probe(task, "latents", "linear", seeds=(0,))
    for model, ours in ((pipeline, result.accuracy), (DummyClassifier(), result.prior)):
        theirs = cross_val_predict(model, rows, task.labels, cv=folds)
        assert ours.mean == pytest.approx((theirs == task.labels).mean(), abs=1e-9)


@given(st.lists(st.integers(0, 8), min_size=2, max_size=60), st.integers(0, 5))
def test_groups_are_never_divided(groups, seed):
    groups = np.array(groups)
    folds = folds_of_groups(groups, 4, seed)
    for group in np.unique(groups):
        assert len(np.unique(folds[groups == group])) == 1
    assert len(np.unique(folds)) == min(4, len(np.unique(groups)))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 5))
def test_a_tested_speaker_is_in_another_training_utterance(speaker_of_utterance, seed):
    utterances = np.repeat(np.arange(len(speaker_of_utterance)), 3)
    speakers = np.array(speaker_of_utterance)[utterances]
    folds = folds_of_utterances(utterances, speakers, 4, seed)
    for row, fold in enumerate(folds):
        assert (folds[utterances == utterances[row]] == fold).all()
        own = utterances[speakers == speakers[row]]
        training = utterances[(folds != fold) & (speakers == speakers[row])]
        assert len(training) or len(np.unique(own)) == 1


def test_tasks_test_what_was_not_trained_on(known):
    phone, speaker = phone_task(known), speaker_task(known)
    for seed in range(5):
        for fold in range(4):
            tested = phone.folds(seed) == fold
            assert not set(known.speaker[tested]) & set(known.speaker[~tested])
            tested = speaker.folds(seed) == fold
            assert not set(known.utterance[tested]) & set(known.utterance[~tested])
            assert set(known.speaker[tested]) <= set(known.speaker[~tested])


def test_utterances_of_a_single_speaker_are_divided_and_a_single_utterance_has_no_task():
    phone = np.arange(80) % 3
    utterance = np.repeat([4, 7], 40)
    alone = ProbeData({"codes": one_hot(phone)}, utterance, np.zeros(80, np.int64), phone)
    task = phone_task(alone)
    assert task.unit == "utterance"
    assert run_probe(task, "codes", "linear").accuracy.num_units == 2
    assert speaker_task(alone) is None
    single = ProbeData({}, np.zeros(80, np.int64), np.zeros(80, np.int64), phone)
    assert phone_task(single) is None


def test_speakers_of_one_utterance_are_left_out_and_counted():
    utterance = np.arange(7)
    speaker = np.array([0, 0, 1, 1, 1, 2, 3])
    means = ProbeData({"latents": noisy(speaker, 0.1)}, utterance, speaker)
    task = speaker_task(means)
    assert set(task.labels) == {0, 1} and task.left_out == 2
    assert run_probe(task, "latents", "linear").left_out == 2


def test_at_most_100_speakers_are_classes():
    utterance = np.arange(300)
    means = ProbeData({}, utterance, utterance // 2)
    task = speaker_task(means)
    assert len(np.unique(task.labels)) == MOST_SPEAKERS and task.left_out == 50


def test_results_are_yielded_one_by_one_and_reproducible():
    phone = data(5).phone
    tasks = [phone_task(data(5, codes=one_hot(phone), latents=noisy(phone, 1.0)))]
    first, second = (list(run_probes(tasks, seeds=(3,))) for _ in range(2))
    assert first == second and len(first) == num_probes(tasks) == 4
    assert [(each.representation, each.kind) for each in first[:2]] == [
        ("codes", "linear"),
        ("codes", "mlp"),
    ]


def test_an_interval_by_hand():
    # 1 of 1, 2 of 3: p = 3/4, residuals 1/4 and -1/4, var = 2 * (2/16) / 16
    interval = clustered_interval(np.array([1, 1, 1, 0]), np.array([5, 9, 9, 9]))
    assert interval.mean == 0.75 and interval.num_units == 2
    reach = stats.t.ppf(0.975, 1) * np.sqrt(2 * (2 / 16) / 16)
    assert interval.low == max(0, 0.75 - reach) and interval.high == min(1, 0.75 + reach)
    assert np.isnan(clustered_interval(np.ones(3), np.zeros(3)).low)


def test_intervals_cover_the_truth_at_their_nominal_rate():
    rng = np.random.default_rng(0)
    covered = narrow = 0
    for _ in range(500):
        sizes = rng.integers(50, 150, 10)
        own = rng.beta(12, 8, 10)  # each speaker's accuracy: 0.6 on average
        units = np.repeat(np.arange(10), sizes)
        correct = rng.random(len(units)) < own[units]
        interval = clustered_interval(correct, units)
        covered += interval.low <= 0.6 <= interval.high
        narrow += abs(correct.mean() - 0.6) < 1.96 * np.sqrt(0.24 / len(units))
    assert 0.92 <= covered / 500 <= 0.98
    assert narrow / 500 < 0.75, "frames taken for independent"


def test_ctrl_c_during_the_training_of_a_probe_is_not_dropped():
    """scikit-learn's MLPClassifier takes it for the end of its training."""
    rng = np.random.default_rng(0)
    rows, labels = rng.standard_normal((40_000, 64)), rng.integers(0, 30, 40_000)
    interrupt = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
    try:
        interrupt.start()
        with pytest.raises(KeyboardInterrupt) as raised:
            predictions("mlp", rows, labels, rows[:1], seed=0)
        interrupt.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert "interrupted by user" in str(raised.value.__cause__), "it was dropped, and raised again"
