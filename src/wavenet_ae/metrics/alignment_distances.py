"""Distances between sequences of frames along their best alignment (dynamic time warping).

A path goes from the first pair of frames to the last one and advances in either sequence, or in
both, by one frame at a time (Sakoe and Chiba 1978). The distance of two sequences is the mean
distance of the frames that the cheapest path pairs: its cost divided by its length. Where several
steps cost the same, the path takes the diagonal one, else the one in the second sequence. All of
this is as in torchdtw, with which fastabx aligns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

# Units are identical or not, which orders pairs as the angle between one-hot vectors does. Vectors
# are compared by angle, as in the ZeroSpeech challenges.
FrameDistance = Literal["identical", "angular"]
PAIRS_AT_ONCE = 1 << 13
MOST_VALUES = 1 << 23  # of frames that are gathered at once, 64 MiB
DECIMALS = 7  # equal sequences have equal distances, in whatever order their values are added


@dataclass(frozen=True)
class Sequences:
    """Sequences of frames, one behind the other.

    Attributes:
        frames: `(M, D)` all frames: units `(M, 1)` int64, or vectors of length 1.
        starts: `(I,)` first frame of each sequence.
        lengths: `(I,)` frames of each sequence, at least 1.
        distance: How two frames are compared.
    """

    frames: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    distance: FrameDistance

    @staticmethod
    def of(sequences: list[np.ndarray], distance: FrameDistance) -> Sequences:
        """Returns sequences `(N, D)` each; vectors are divided by their lengths.

        A vector of length 0 has the same angle to all axes, as in fastabx.

        Raises:
            ValueError: If a frame is not finite.
        """
        frames = np.concatenate(sequences)
        lengths = np.array([len(each) for each in sequences], np.int64)
        if distance == "angular":
            if not np.isfinite(frames).all():
                raise ValueError("vectors are NaN or infinite, and have no angles")
            frames = _of_unit_length(frames.astype(np.float64))
        return Sequences(frames, np.cumsum(lengths) - lengths, lengths, distance)


def aligned_distances(sequences: Sequences, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Returns the distances of pairs of sequences.

    Args:
        sequences: The sequences.
        rows: `(P,)` the first sequence of each pair.
        columns: `(P,)` the second one.

    Returns:
        `(P,)` float64: mean angles in half turns, or shares of frames that are not identical.
    """
    found = np.empty(len(rows))
    lengths = sequences.lengths
    # Pairs of about the same size lie together, so that there is little padding.
    order = np.lexsort((lengths[columns], lengths[rows]))
    done = 0
    while done < len(order):
        first = order[done]
        size = max(int(lengths[rows[first]]), int(lengths[columns[first]]))
        at_once = MOST_VALUES // (4 * size * max(sequences.frames.shape[1], size))
        chosen = order[done : done + min(max(at_once, 1), PAIRS_AT_ONCE)]
        costs = _frame_distances(sequences, rows[chosen], columns[chosen])
        found[chosen] = mean_along_path(costs, lengths[rows[chosen]], lengths[columns[chosen]])
        done += len(chosen)
    return found.round(DECIMALS)


def mean_along_path(costs: np.ndarray, num_rows: np.ndarray, num_columns: np.ndarray) -> np.ndarray:
    """Returns the mean cost along the cheapest path of each pair.

    Args:
        costs: `(P, R, C)` distances of frames; beyond a pair's own rows and columns, any numbers.
        num_rows: `(P,)` rows of each pair.
        num_columns: `(P,)` columns of each pair.

    Returns:
        `(P,)`.
    """
    num_pairs, rows, columns = costs.shape
    costs = np.ascontiguousarray(costs.transpose(1, 2, 0))  # (R, C, P): pairs are adjacent
    total, steps = np.empty_like(costs), np.empty_like(costs)
    for row in range(rows):
        for column in range(columns):
            if row and column:
                total_before, steps_before = _cheapest(total, steps, row, column)
            elif row or column:
                before = (row - 1, 0) if row else (0, column - 1)
                total_before, steps_before = total[before], steps[before]
            else:
                total_before = steps_before = np.zeros(num_pairs)
            total[row, column] = costs[row, column] + total_before
            steps[row, column] = 1 + steps_before
    last = (num_rows - 1, num_columns - 1, np.arange(num_pairs))
    return total[last] / steps[last]  # type: ignore[no-any-return]


def _cheapest(
    total: np.ndarray, steps: np.ndarray, row: int, column: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns cost and length `(P,)` of the cheapest path to a predecessor of a pair of frames."""
    diagonal, up, left = (row - 1, column - 1), (row - 1, column), (row, column - 1)
    is_left = total[left] <= total[up]
    beside = np.where(is_left, total[left], total[up])
    is_diagonal = total[diagonal] <= beside
    steps_beside = np.where(is_left, steps[left], steps[up])
    return (
        np.where(is_diagonal, total[diagonal], beside),
        np.where(is_diagonal, steps[diagonal], steps_beside),
    )


def _frame_distances(sequences: Sequences, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Distances `(P, R, C)` of all frames of pairs, of which the shorter ones are padded."""
    left, right = (_padded(sequences, each) for each in (rows, columns))  # (P, R, D), (P, C, D)
    if sequences.distance == "identical":
        return (left != right.transpose(0, 2, 1)).astype(np.float64)
    return np.arccos(np.clip(left @ right.transpose(0, 2, 1), -1, 1)) / np.pi


def _padded(sequences: Sequences, which: np.ndarray) -> np.ndarray:
    """Returns frames `(P, R, D)` of sequences, padded with repetitions of their last frame."""
    lengths = sequences.lengths[which]
    within = np.minimum(np.arange(lengths.max()), lengths[:, None] - 1)  # (P, R)
    return sequences.frames[sequences.starts[which][:, None] + within]


def _of_unit_length(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    even = 1 / np.sqrt(vectors.shape[1])
    return np.where(norms > 0, vectors / np.where(norms > 0, norms, 1), even)
