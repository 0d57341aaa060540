"""Groups of windows of one speaker: whole, complete, and a function of the position alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavenet_ae.data.order import WindowOrder
from wavenet_ae.data.speaker_groups import count_groups, speaker_groups
from wavenet_ae.errors import UserError
from wavenet_ae.types import Position

SLICE, STEP = 50, 20


def order(lengths: list[int], speakers: list[int], **changed) -> WindowOrder:
    chosen = {
        "slice_length": SLICE,
        "num_targets": STEP,
        "batch_size": 2,
        "seed": 0,
        "buffer_samples": 400,
        "buffer_fraction": 1.0,
        "windows_per_speaker": 2,
    }
    return WindowOrder(np.array(lengths), speakers=np.array(speakers), **{**chosen, **changed})


def epoch_of(windows: WindowOrder, epoch: int) -> np.ndarray:
    """(rows, 2): the batches of an epoch, one after the other."""
    batches = range(windows.num_batches(epoch))
    return np.concatenate([windows.windows(Position(epoch, batch)) for batch in batches])


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Lengths and speakers; of the last utterance, every epoch has a group of up to four."""
    lengths = draw(st.lists(st.integers(0, 300), max_size=12))
    count = len(lengths)
    speakers = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    return [*lengths, SLICE + 4 * STEP], [*speakers, 7]


sizes = st.integers(2, 4)


@given(corpora(), sizes, st.integers(1, 3), st.integers(1, 900), st.floats(0.01, 1))
def test_batches_consist_of_groups_of_one_speaker(corpus, size, num_groups, samples, fraction):
    """Every window lies inside its utterance and is served once at most, whatever the buffers."""
    lengths, speakers = corpus
    settings = {"windows_per_speaker": size, "buffer_samples": samples, "buffer_fraction": fraction}
    windows = order(lengths, speakers, batch_size=size, **settings)
    rows = epoch_of(windows, 3)
    groups = np.array(speakers)[rows[:, 0]].reshape(-1, size)
    assert (groups == groups[:, :1]).all()
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert (rows[:, 1] >= 0).all()
    assert (rows[:, 1] + SLICE <= np.array(lengths)[rows[:, 0]]).all()
    # A batch of several groups is a piece of the same list; the first epoch must have one, too.
    if min(len(groups), windows.num_batches(0)) >= num_groups:
        several = order(lengths, speakers, batch_size=num_groups * size, **settings)
        np.testing.assert_array_equal(
            epoch_of(several, 3), rows[: len(groups) // num_groups * num_groups * size]
        )


@given(corpora(), sizes)
def test_of_a_speaker_fewer_windows_than_a_group_are_left_out(corpus, size):
    """In one buffer; the windows are those that are served without groups."""
    lengths, speakers = corpus
    one_buffer = {"buffer_samples": 10**6, "batch_size": 1}
    alone = epoch_of(order(lengths, speakers, windows_per_speaker=1, **one_buffer), 1)
    one_buffer["batch_size"] = size
    grouped = epoch_of(order(lengths, speakers, windows_per_speaker=size, **one_buffer), 1)
    assert {*map(tuple, grouped.tolist())} <= {*map(tuple, alone.tolist())}
    there, served = (Counter(np.array(speakers)[rows[:, 0]].tolist()) for rows in (alone, grouped))
    for speaker, number in there.items():
        assert served[speaker] == number // size * size


@given(corpora(), sizes, st.integers(1, 900), st.data())
def test_any_position_computed_afresh_is_what_the_sequence_serves(corpus, size, samples, data):
    settings = {"windows_per_speaker": size, "batch_size": size, "buffer_samples": samples}

    def fresh() -> WindowOrder:
        return order(*corpus, **settings)

    serving, position, served = fresh(), fresh().normalize(Position()), {}
    while position < Position(2):
        served[position] = serving.windows(position)
        position = serving.normalize(Position(position.epoch, position.batch + 1))
    for position in data.draw(st.permutations(sorted(served)))[:10]:
        np.testing.assert_array_equal(fresh().windows(position), served[position])


@given(corpora(), st.integers(1, 900), st.floats(0.01, 1))
def test_groups_of_one_are_the_order_without_groups(corpus, samples, fraction):
    settings = {"buffer_samples": samples, "buffer_fraction": fraction, "batch_size": 1}
    grouped = order(*corpus, windows_per_speaker=1, **settings)
    plain = WindowOrder(np.array(corpus[0]), SLICE, STEP, 1, 0, samples, fraction)
    np.testing.assert_array_equal(epoch_of(grouped, 0), epoch_of(plain, 0))


def test_groups_are_in_random_order_and_mix_a_speaker_s_utterances():
    lengths, speakers = [SLICE + 9 * STEP] * 12, [number % 3 for number in range(12)]
    rows = epoch_of(order(lengths, speakers, buffer_samples=10**6), 0)
    of_groups = np.array(speakers)[rows[::2, 0]]
    assert (np.diff(of_groups) != 0).sum() > len(of_groups) // 3
    pairs = rows[:, 0].reshape(-1, 2)
    assert (pairs[:, 0] != pairs[:, 1]).mean() > 0.5
    another = epoch_of(order(lengths, speakers, buffer_samples=10**6), 1)
    assert not np.array_equal(rows[: len(another)], another[: len(rows)])


def test_groups_are_counted_by_buffer_and_speaker():
    counts, speakers = np.array([3, 2, 5, 1]), np.array([4, 9, 4, 9])
    buffers = np.array([0, 0, 0, 2])
    found = count_groups(counts, buffers, speakers, num_buffers=3, size=2)
    assert found.tolist() == [8 // 2 + 2 // 2, 0, 0]


def test_groups_keep_the_random_order_of_a_speaker_s_windows():
    found = speaker_groups(np.array([4, 0, 3, 1, 2]), np.array([5, 6, 5, 5, 5]), 2)
    assert found.tolist() == [[4, 0], [3, 2]]


def test_a_position_means_the_same_forever():
    """Checkpoints hold positions only."""
    windows = order([130, 170, 90, 240, 130], [0, 1, 0, 1, 1], batch_size=4)
    found = [windows.windows(Position(epoch, 0)).tolist() for epoch in (0, 5)]
    assert found == [[[0, 46], [2, 26], [4, 46], [4, 6]], [[0, 65], [0, 5], [2, 5], [2, 25]]]


def test_what_cannot_be_grouped_is_named():
    with pytest.raises(UserError, match=r"windows_per_speaker is 3, but data\.batch_size, 8"):
        order([300], [0], batch_size=8, windows_per_speaker=3)
    with pytest.raises(UserError, match=r"smaller data\.windows_per_speaker, a larger data\."):
        order([69] * 9, range(9), windows_per_speaker=2)
