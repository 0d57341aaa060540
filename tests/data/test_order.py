"""Order of windows: valid, complete, and a function of the position alone."""

from __future__ import annotations

import pickle
from itertools import groupby
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wavenet_ae.data.order import WindowOrder
from wavenet_ae.errors import UserError
from wavenet_ae.types import Position


def order(lengths, **changed) -> WindowOrder:
    chosen = {
        "slice_length": 50,
        "num_targets": 20,
        "batch_size": 1,
        "seed": 0,
        "buffer_samples": 400,
        "buffer_fraction": 1.0,
    }
    return WindowOrder(np.array(lengths), **{**chosen, **changed})


def epoch_of(windows: WindowOrder, epoch: int) -> np.ndarray:
    """(rows, 2): the batches of an epoch, one after the other."""
    batches = range(windows.num_batches(epoch))
    return np.concatenate([windows.windows(Position(epoch, batch)) for batch in batches])


def starts_of(rows: np.ndarray, utterance: int) -> list[int]:
    return sorted(rows[rows[:, 0] == utterance, 1].tolist())


# One utterance of at least slice + W - 1 samples, so that every epoch has a window.
many_lengths = st.lists(st.integers(0, 300), max_size=12).map(lambda lengths: [*lengths, 69])
orders = st.builds(
    order,
    many_lengths,
    seed=st.integers(0, 99),
    num_targets=st.integers(1, 20),
    buffer_samples=st.integers(1, 900),
    buffer_fraction=st.floats(0.01, 1),
)


@given(orders, st.integers(0, 5))
def test_every_window_lies_inside_its_utterance_and_is_served_once(windows, epoch):
    rows = epoch_of(windows, epoch)
    assert rows.dtype == np.int64 and rows.shape[1:] == (2,)
    assert (rows[:, 1] >= 0).all()
    assert (rows[:, 1] + windows.slice_length <= windows.lengths[rows[:, 0]]).all()
    assert len(np.unique(rows, axis=0)) == len(rows)


@given(orders, st.integers(0, 5))
def test_windows_tile_their_utterance_from_an_offset(windows, epoch):
    full = order(
        windows.lengths,
        num_targets=windows.num_targets,
        buffer_samples=windows.buffer_samples,
    )
    rows = epoch_of(full, epoch)
    for utterance in set(rows[:, 0].tolist()):
        starts = starts_of(rows, utterance)
        assert starts[0] < full.num_targets
        assert (np.diff(starts) == full.num_targets).all()
        # The next slice would not have fitted.
        assert starts[-1] + full.num_targets + full.slice_length > full.lengths[utterance]


def test_utterances_of_a_buffer_share_their_offset():
    """Recordings too short for it are left out of this sample, and those alone."""
    lengths = [*range(40, 140, 3), 300]
    rows = epoch_of(order(lengths, buffer_samples=10**6), 0)
    (offset,) = {starts_of(rows, utterance)[0] for utterance in set(rows[:, 0].tolist())}
    expected = {row for row, length in enumerate(lengths) if length >= 50 + offset}
    assert set(rows[:, 0].tolist()) == expected


def test_offsets_reach_every_phase():
    offsets = [epoch_of(order([69]), epoch)[0, 1] for epoch in range(200)]
    assert set(offsets) == set(range(20))


@given(st.lists(st.integers(69, 300), min_size=1, max_size=12), st.integers(1, 900))
def test_buffers_are_as_full_as_they_may_be(lengths, buffer_samples):
    """Permuted utterances, cut greedily; a buffer is served before the next one begins."""
    alone = epoch_of(order(lengths, buffer_samples=1), 0)  # every utterance a buffer of its own
    permuted = [utterance for utterance, _ in groupby(alone[:, 0].tolist())]
    assert sorted(permuted) == list(range(len(lengths)))
    buffers: list[list[int]] = []
    for utterance in permuted:
        held = sum(lengths[each] for each in buffers[-1]) if buffers else buffer_samples
        if held + lengths[utterance] > buffer_samples:
            buffers.append([])
        buffers[-1].append(utterance)
    buffer_of = {each: index for index, buffer in enumerate(buffers) for each in buffer}
    served = [
        buffer_of[each] for each in epoch_of(order(lengths, buffer_samples=buffer_samples), 0)[:, 0]
    ]
    assert [index for index, _ in groupby(served)] == list(range(len(buffers)))


def test_a_buffer_may_be_exactly_full():
    """100 + 100 samples fill a buffer of 200, but are one too many for one of 199."""
    shared = {samples: order([100] * 2, buffer_samples=samples) for samples in (199, 200)}
    offsets = {samples: len(set(each._epoch(0).offsets)) for samples, each in shared.items()}
    assert offsets == {199: 2, 200: 1}


@given(many_lengths, st.floats(0.01, 1), st.integers(0, 3))
def test_a_buffer_serves_the_first_of_its_windows(lengths, fraction, epoch):
    full = epoch_of(order(lengths, buffer_samples=10**6), epoch)
    part = epoch_of(order(lengths, buffer_samples=10**6, buffer_fraction=fraction), epoch)
    np.testing.assert_array_equal(part, full[: max(1, floor(fraction * len(full)))])


def test_every_buffer_serves_its_own_share():
    """Each utterance a buffer: one of the 6 or 7 windows of each, and none of an empty buffer."""
    lengths = [*[180] * 10, *[30] * 5]
    rows = epoch_of(order(lengths, buffer_samples=1, buffer_fraction=0.2), 0)
    assert sorted(rows[:, 0].tolist()) == list(range(10))


@settings(max_examples=40)
@given(st.data(), many_lengths, st.integers(1, 3), st.integers(1, 500))
def test_any_position_computed_afresh_is_what_the_sequence_serves(
    data, lengths, batch_size, buffer_samples
):
    def fresh() -> WindowOrder:
        return order([*lengths, 150], batch_size=batch_size, buffer_samples=buffer_samples)

    serving, position, served = fresh(), Position(), {}
    while position < Position(3):
        served[position] = serving.windows(position)
        assert served[position].shape == (batch_size, 2)
        position = serving.normalize(Position(position.epoch, position.batch + 1))
    shuffled = data.draw(st.permutations(sorted(served)))
    for position in shuffled[:20]:
        np.testing.assert_array_equal(fresh().windows(position), served[position])
        np.testing.assert_array_equal(serving.windows(position), served[position])


@given(many_lengths, st.integers(1, 4), st.integers(1, 500))
def test_batches_cut_the_list_of_the_epoch(lengths, batch_size, buffer_samples):
    lengths = [*lengths, 150]  # four windows at least
    rows = epoch_of(order(lengths, buffer_samples=buffer_samples), 1)
    batched = order(lengths, buffer_samples=buffer_samples, batch_size=batch_size)
    num_served = len(rows) // batch_size * batch_size
    np.testing.assert_array_equal(epoch_of(batched, 1), rows[:num_served])


@pytest.mark.parametrize("num_processes", [2, 3])
def test_processes_share_a_global_batch(num_processes):
    whole = order([300] * 9, batch_size=6).windows(Position(2, 3))
    shares = [
        order([300] * 9, batch_size=6).windows(Position(2, 3))[rank::num_processes]
        for rank in range(num_processes)
    ]
    np.testing.assert_array_equal(np.stack(shares, axis=1).reshape(-1, 2), whole)


def test_a_caller_may_write_into_its_windows():
    windows = order([300] * 3)
    before = windows.windows(Position()).copy()
    windows.windows(Position())[:] = -1
    np.testing.assert_array_equal(windows.windows(Position()), before)


def test_epochs_seeds_and_purposes_have_orders_of_their_own():
    lengths = [1000] * 20
    lists = [
        epoch_of(order(lengths), 0),
        epoch_of(order(lengths), 1),
        epoch_of(order(lengths, seed=1), 0),
        epoch_of(order(lengths, purpose="codebook"), 0),
    ]
    utterances = {tuple(dict.fromkeys(rows[:, 0].tolist())) for rows in lists}
    offsets = {tuple(min(starts_of(rows, each)) for each in range(20)) for rows in lists}
    assert len(utterances) == 4 and len(offsets) == 4


def test_windows_are_mixed_within_a_buffer_and_differently_in_each():
    rows = epoch_of(order([1000] * 2, buffer_samples=1000), 0)
    starts = [
        [start for _, start in group] for _, group in groupby(rows.tolist(), lambda row: row[0])
    ]
    assert len(starts) == 2
    ranks = [np.argsort(np.argsort(each))[:40].tolist() for each in starts]
    assert ranks[0] != sorted(ranks[0]) and ranks[0] != ranks[1]


def test_a_position_past_the_end_is_the_next_epochs_first():
    windows = order([300] * 5, batch_size=4)
    last = windows.num_batches(0) - 1
    assert windows.normalize(Position(0, last)) == Position(0, last)
    assert windows.normalize(Position(0, last + 1)) == Position(1, 0)
    with pytest.raises(IndexError, match="epoch 0 has no batch"):
        windows.windows(Position(0, last + 1))


def test_the_number_of_batches_follows_the_offset():
    """139 samples hold slices at o + 0, 20, 40 and 60, and at o + 80 where o <= 139 - 50 - 80."""
    windows = order([139])
    counted = {windows.num_batches(epoch) for epoch in range(50)}
    assert counted == {4, 5}
    assert all(len(epoch_of(windows, epoch)) == windows.num_batches(epoch) for epoch in range(50))


def test_training_starts_in_the_first_epoch_with_a_full_batch():
    """A slice of 50 samples fits into 55 at offsets of at most 5, of 20."""
    orders = [order([55] * 3, batch_size=3, seed=seed) for seed in range(20)]
    starts = [each.normalize(Position(0, 0)) for each in orders]
    assert {0, 1, 2} <= {start.epoch for start in starts}
    for each, start in zip(orders, starts, strict=True):
        assert sorted(row for row, _ in each.windows(start).tolist()) == [0, 1, 2]


def test_an_order_without_full_batches_is_refused():
    with pytest.raises(UserError, match="no full batch in its first 32 epochs: of 3 utterances 3"):
        order([55] * 3, batch_size=4)


def test_golden_numbers():
    """Checkpoints hold positions only, so what a position means may never change."""
    windows = order([100, 170, 60, 240, 130], batch_size=3, buffer_fraction=0.7)
    assert [windows.num_batches(epoch) for epoch in range(4)] == [5, 5, 4, 5]
    assert windows.windows(Position(0, 1)).tolist() == [[4, 6], [4, 66], [3, 188]]
    assert windows.windows(Position(7, 0)).tolist() == [[3, 119], [4, 79], [4, 39]]


def test_only_the_buffers_that_a_batch_touches_are_listed(monkeypatch):
    """Two million utterances in thousands of buffers; time and memory follow from these counts."""
    listed = []
    sample = WindowOrder._sample_buffer
    monkeypatch.setattr(
        WindowOrder,
        "_sample_buffer",
        lambda self, epoch, buffer: (
            listed.append((epoch.index, buffer)) or sample(self, epoch, buffer)
        ),
    )
    lengths = np.random.default_rng(0).integers(16_000, 320_000, 2_000_000)
    windows = order(
        lengths, slice_length=8880, num_targets=2048, batch_size=64, buffer_samples=57_600_000
    )
    num_batches = windows.num_batches(0)
    assert not listed, "counting a whole epoch lists no windows"
    for batch in range(num_batches // 2, num_batches // 2 + 30):
        windows.windows(Position(0, batch))
    assert 1 <= len(listed) == len(set(listed)) <= 2
    assert len(windows._buffers) <= 2 and len(windows._epochs) <= 2
    assert max(map(len, windows._buffers.values())) <= 57_600_000 // 2048


def test_the_order_of_an_epoch_is_sampled_once(monkeypatch):
    sampled = []
    sample = WindowOrder._sample_epoch
    monkeypatch.setattr(
        WindowOrder,
        "_sample_epoch",
        lambda self, index: sampled.append(index) or sample(self, index),
    )
    windows = order([300] * 5)
    for epoch in range(3):
        epoch_of(windows, epoch)
        windows.windows(Position(max(0, epoch - 1), 0))  # prefetching crosses the boundary
    assert sampled == [0, 1, 2]
    assert len(windows._epochs) == 2 == len(windows._buffers)


def test_an_order_can_be_sent_to_a_worker():
    windows = order([300] * 5)
    windows.windows(Position(1, 3))
    sent = pickle.loads(pickle.dumps(windows))
    np.testing.assert_array_equal(epoch_of(sent, 2), epoch_of(windows, 2))


def test_an_epoch_without_a_full_batch_names_the_counts():
    with pytest.raises(UserError) as caught:
        order([49, 50, 90, 90], batch_size=8, buffer_samples=10**6, buffer_fraction=0.5)
    text = str(caught.value)
    for named in (
        "4 utterances",
        "3 are at least one slice (50 samples)",
        "data.buffer_fraction=0.5 serves",
        "data.batch_size is 8",
        "smaller data.batch_size",
        "smaller data.window_seconds",
        "more or longer recordings",
    ):
        assert named in text


@pytest.mark.parametrize("lengths", [[], [0], [49] * 20])
def test_recordings_without_windows_are_an_error(lengths):
    with pytest.raises(UserError, match=r"none of .* has at least one slice, the 50 samples"):
        order(lengths)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"batch_size": 0}, "data.batch_size is 0"),
        ({"buffer_samples": 0}, "data.buffer_seconds"),
        ({"buffer_fraction": 0.0}, "data.buffer_fraction is 0.0"),
        ({"buffer_fraction": 1.5}, "data.buffer_fraction is 1.5"),
    ],
)
def test_settings_out_of_range_are_named(changed, key):
    with pytest.raises(UserError, match=key):
        order([300], **changed)
