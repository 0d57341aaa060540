"""Order in which windows are served, as a pure function of the position.

    epoch    u7 u2 u9 | u4 u0 | u3 ...          permuted utterances, cut into buffers
    buffer   o, o+W, o+2W, ... of u4 and u0     every window whose slice fits, one offset o
    served   permuted, the first fraction       buffer after buffer, one list for the epoch
    batch b  rows b*B .. (b+1)*B of that list   the remainder is left to other epochs

With `windows_per_speaker` above 1, groups of so many windows of one speaker are permuted instead of
windows (`wavenet_ae.data.speaker_groups`), so that a batch consists of whole groups.

There is no generator or sampler whose state a checkpoint would need: all random numbers are keyed
by (seed, purpose, epoch, buffer). The number of windows of a buffer follows from lengths alone, so
a position is found without listing the windows of the buffers before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from wavenet_ae.data.speaker_groups import count_groups, speaker_groups
from wavenet_ae.errors import UserError, counted
from wavenet_ae.randomness import keyed_bits, keyed_permutation
from wavenet_ae.types import Position

NUM_EPOCHS_TRIED = 32  # before training is refused for lack of windows

K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True)
class _Epoch:
    """Random structure of an epoch of `U` utterances in `N` buffers.

    Attributes:
        utterances: `(U,)` int64, permuted.
        cuts: `(N + 1,)` int64: buffer b holds `utterances[cuts[b] : cuts[b+1]]`.
        offsets: `(N,)` int64 in [0, W).
        stops: `(N,)` int64: buffer b's served windows end before row `stops[b]` of the epoch's
            list.
        num_windows: Windows before `buffer_fraction` leaves some out.
    """

    index: int
    utterances: np.ndarray
    cuts: np.ndarray
    offsets: np.ndarray
    stops: np.ndarray
    num_windows: int

    @property
    def num_served(self) -> int:
        return int(self.stops[-1]) if len(self.stops) else 0


class WindowOrder:
    """Order of the windows of every epoch, in batches; it depends on nothing but its key.

    Args:
        lengths: `(U,)` samples of each utterance; windows name utterances by their row.
        slice_length: Samples that a window reads, all inside its utterance.
        num_targets: W, predicted samples of a window: the step from one window to the next.
        batch_size: B, windows of a global batch.
        seed: Key of the order.
        buffer_samples: Samples of a buffer, at most; its utterances are shuffled together.
        buffer_fraction: Fraction of a buffer's windows that is served, in (0, 1].
        purpose: Key of the order; orders of different purposes are independent.
        speakers: `(U,)` speaker of each utterance; needed for groups of speakers only.
        windows_per_speaker: Windows of one speaker that are served side by side.

    Raises:
        UserError: If a setting is out of range, or none of the first epochs has a full batch.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        slice_length: int,
        num_targets: int,
        batch_size: int,
        seed: int,
        buffer_samples: int,
        buffer_fraction: float,
        purpose: str = "training",
        speakers: np.ndarray | None = None,
        windows_per_speaker: int = 1,
    ) -> None:
        _check_settings(batch_size, buffer_samples, buffer_fraction, windows_per_speaker)
        assert num_targets >= 1 and slice_length >= 1, "a window plan has neither without samples"
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.slice_length = slice_length
        self.num_targets = num_targets
        self.batch_size = batch_size
        self.buffer_samples = buffer_samples
        self.buffer_fraction = buffer_fraction
        self.group_size = windows_per_speaker
        if windows_per_speaker > 1:
            assert speakers is not None and len(speakers) == len(self.lengths)
            self.speakers = np.asarray(speakers, dtype=np.int64)
        self._key = (seed, purpose)
        # Two of each: a batch may span two buffers, and a prefetching loader two epochs.
        self._epochs: dict[int, _Epoch] = {}
        self._buffers: dict[tuple[int, int], np.ndarray] = {}
        if not any(self.num_batches(epoch) for epoch in range(NUM_EPOCHS_TRIED)):
            raise UserError(self._too_few(self._epoch(0)))

    def num_batches(self, epoch: int) -> int:
        """Returns the number of full batches of an epoch, which varies with the epoch's offsets."""
        return self._epoch(epoch).num_served // self.batch_size

    def normalize(self, position: Position) -> Position:
        """Returns the position, or the first of a later epoch if it is past the end of its own.

        Epochs without a full batch, which the offsets of a tiny corpus may cause, are skipped.
        """
        while position.batch >= self.num_batches(position.epoch):
            position = Position(position.epoch + 1, 0)
        return position

    def windows(self, position: Position) -> np.ndarray:
        """Returns the windows of a batch.

        Args:
            position: Position inside its epoch, see `normalize`.

        Returns:
            `(B, 2)` int64: row of `lengths`, and the sample at which the slice starts.

        Raises:
            IndexError: If the epoch has no such batch.
        """
        if not 0 <= position.batch < self.num_batches(position.epoch):
            raise IndexError(f"epoch {position.epoch} has no batch {position.batch}")
        epoch = self._epoch(position.epoch)
        first = position.batch * self.batch_size
        last = first + self.batch_size - 1
        # Rows equal to a stop belong to the buffer after it, hence side="right".
        low, high = np.searchsorted(epoch.stops, [first, last], side="right").tolist()
        served = [self._buffer(epoch, buffer) for buffer in range(low, high + 1)]
        start = first - (int(epoch.stops[low]) - len(served[0]))
        return np.concatenate(served)[start : start + self.batch_size]

    def _epoch(self, index: int) -> _Epoch:
        return _remembered(self._epochs, index, lambda: self._sample_epoch(index))

    def _buffer(self, epoch: _Epoch, buffer: int) -> np.ndarray:
        key = (epoch.index, buffer)
        return _remembered(self._buffers, key, lambda: self._sample_buffer(epoch, buffer))

    def _sample_epoch(self, index: int) -> _Epoch:
        utterances = keyed_permutation(len(self.lengths), *self._key, "utterances", index)
        lengths = self.lengths[utterances]
        cuts = _cut(lengths, self.buffer_samples)
        # One array for all buffers: the offset of buffer b comes from Philox's b-th output.
        bits = keyed_bits(len(cuts) - 1, *self._key, "offsets", index)
        offsets = (bits % np.uint64(self.num_targets)).astype(np.int64)
        counts = self._num_windows(lengths, np.repeat(offsets, np.diff(cuts)))
        groups = self._num_groups(utterances, counts, cuts)
        served = np.maximum(1, np.floor(self.buffer_fraction * groups).astype(np.int64))
        stops = np.cumsum(np.where(groups > 0, self.group_size * served, 0))
        return _Epoch(index, utterances, cuts, offsets, stops, int(counts.sum()))

    def _num_groups(
        self, utterances: np.ndarray, counts: np.ndarray, cuts: np.ndarray
    ) -> np.ndarray:
        """Groups `(N,)` of each buffer; a group of one is a window."""
        if self.group_size == 1:
            totals: np.ndarray = np.diff(np.concatenate([[0], np.cumsum(counts)])[cuts])
            return totals
        num_buffers = len(cuts) - 1
        buffers = np.repeat(np.arange(num_buffers), np.diff(cuts))  # (U,)
        speakers = self.speakers[utterances]
        return count_groups(counts, buffers, speakers, num_buffers, self.group_size)

    def _sample_buffer(self, epoch: _Epoch, buffer: int) -> np.ndarray:
        """Returns the windows `(served, 2)` int64 of a buffer in the epoch's list."""
        utterances = epoch.utterances[epoch.cuts[buffer] : epoch.cuts[buffer + 1]]
        offset = epoch.offsets[buffer]
        counts = self._num_windows(self.lengths[utterances], offset)
        before = np.cumsum(counts) - counts
        nth = np.arange(counts.sum()) - np.repeat(before, counts)  # 0, 1, ... in each utterance
        starts = offset + nth * self.num_targets
        served = int(epoch.stops[buffer] - (epoch.stops[buffer - 1] if buffer else 0))
        owners = np.repeat(utterances, counts)  # utterance of each window
        order = keyed_permutation(len(nth), *self._key, "windows", epoch.index, buffer)
        if self.group_size > 1:
            groups = speaker_groups(order, self.speakers[owners], self.group_size)
            permuted = keyed_permutation(len(groups), *self._key, "groups", epoch.index, buffer)
            order = groups[permuted].reshape(-1)
        order = order[:served]
        return np.stack([owners[order], starts[order]], axis=1)

    def _num_windows(self, lengths: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """Returns how many of the slices at offset, offset + W, ... fit into each utterance."""
        room = lengths - self.slice_length - offset
        return np.maximum(0, room // self.num_targets + 1)

    def _too_few(self, epoch: _Epoch) -> str:
        num_long = int((self.lengths >= self.slice_length).sum())
        if not num_long:
            return (
                f"the {self._key[1]} order has no full batch: none of "
                f"{counted(len(self.lengths), 'utterance')} has at least one slice, the "
                f"{self.slice_length} samples that a window reads. Choose a smaller "
                "data.window_seconds, or add longer recordings."
            )
        windows = counted(epoch.num_windows, "window")
        grouped, remedy = "", ""
        if self.group_size > 1:
            grouped = f" and data.windows_per_speaker={self.group_size}"
            remedy = "a smaller data.windows_per_speaker, a larger data.buffer_seconds, "
        return (
            f"the {self._key[1]} order has no full batch in its first {NUM_EPOCHS_TRIED} epochs: "
            f"of {counted(len(self.lengths), 'utterance')} {num_long} are at least one slice "
            f"({self.slice_length} samples) long; in the first epoch they have {windows}, of which "
            f"data.buffer_fraction={self.buffer_fraction:g}{grouped} serves {epoch.num_served}, "
            f"and data.batch_size is {self.batch_size}. Choose a smaller data.batch_size, {remedy}"
            "a smaller data.window_seconds, or more or longer recordings."
        )


def _check_settings(
    batch_size: int, buffer_samples: int, buffer_fraction: float, windows_per_speaker: int
) -> None:
    if batch_size < 1:
        raise UserError(f"data.batch_size is {batch_size}, but must be at least 1")
    if buffer_samples < 1:
        raise UserError(
            f"data.buffer_seconds gives a buffer of {buffer_samples} samples: it must be positive"
        )
    if not 0 < buffer_fraction <= 1:
        raise UserError(
            f"data.buffer_fraction is {buffer_fraction}, but must be above 0 and at most 1"
        )
    if windows_per_speaker < 1 or batch_size % windows_per_speaker:
        raise UserError(
            f"data.windows_per_speaker is {windows_per_speaker}, but data.batch_size, "
            f"{batch_size}, must be a multiple of it"
        )


def _cut(lengths: np.ndarray, buffer_samples: int) -> np.ndarray:
    """Returns where to cut utterances into the fullest buffers that are allowed, `(N + 1,)` int64.

    A buffer has at most `buffer_samples` samples, or is one utterance that is longer than that.
    """
    stops = np.cumsum(lengths)
    fullest = np.searchsorted(stops, stops - lengths + buffer_samples, side="right")
    following = np.maximum(fullest, np.arange(len(lengths)) + 1).tolist()  # cut that follows cut u
    cuts = [0]
    while cuts[-1] < len(lengths):
        cuts.append(following[cuts[-1]])
    return np.array(cuts, dtype=np.int64)


def _remembered(known: dict[K, T], key: K, make: Callable[[], T], at_most: int = 2) -> T:
    """Returns `known[key]`, which it makes if it is missing; the oldest entry is dropped for it."""
    if key not in known:
        while len(known) >= at_most:
            del known[next(iter(known))]
        known[key] = make()
    return known[key]
