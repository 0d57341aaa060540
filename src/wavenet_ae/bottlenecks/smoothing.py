"""Smoothing of codes: the cheapest path when every change of code has a price.

Frame by frame, the nearest code flickers between neighbors. The duration-penalized path (Kamper and
van Niekerk 2021, arXiv 2012.07551, without a term for durations) minimizes instead

    sum over n of cost[n, code_n]  +  change_cost * (number of n with code_n != code_{n-1})

by dynamic programming (Viterbi). Since every change costs the same, a frame either keeps its code
or comes from the one best code, so that the time is linear in frames times codes.

Costs have the unit of the distances they are made of, which differs from model to model.
`in_margins` therefore divides them by their mean margin: a change cost of 2 says that a change must
save twice what the nearest code usually saves over the second nearest one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np


def smoothed_codes(costs: np.ndarray, change_cost: float) -> np.ndarray:
    """Returns the duration-penalized path.

    Args:
        costs: `(N, K)` cost of each code at each frame, finite.
        change_cost: Price of a change in the same unit; at 0, each frame has its cheapest code.

    Returns:
        `(N,)` int64.

    Raises:
        ValueError: If the change cost is negative or not finite, or the costs have another shape.
    """
    path = CheapestPath(change_cost)
    path.extend(costs)
    return path.codes()


def in_margins(costs: np.ndarray) -> np.ndarray:
    """Returns costs in multiples of their mean margin.

    The margin of a frame is the difference between its second lowest and its lowest cost. Costs
    without any margin, for example of two codes that are the same, stay as they are.

    Args:
        costs: `(N, K)` costs in any unit, of at least two codes.

    Returns:
        `(N, K)`.
    """
    scale = mean_margin(costs)
    return costs / scale if scale > 0 else costs


def mean_margin(costs: np.ndarray) -> float:
    """Returns the mean difference between the second lowest and the lowest cost of frames.

    Args:
        costs: `(N, K)` costs in any unit; 0 without frames.
    """
    if not len(costs):
        return 0.0
    lowest = np.partition(costs, 1, axis=1)[:, :2]  # (N, 2), in order
    return float((lowest[:, 1] - lowest[:, 0]).mean(dtype=np.float64))


class CheapestPath:
    """Path through costs that arrive in pieces, known once all have arrived.

    Args:
        change_cost: Price of a change.

    Raises:
        ValueError: If the change cost is negative or not finite.
    """

    def __init__(self, change_cost: float) -> None:
        if not 0 <= change_cost < np.inf:
            raise ValueError(f"change_cost is {change_cost}, but must be a number of at least 0")
        self.change_cost = change_cost
        self._above: np.ndarray | None = None  # (K,) cost of the best path to each code, over _best
        self._best: list[int] = []  # code at which the cheapest path up to each frame ends
        self._stays: list[np.ndarray] = []  # bits of (K,), whether a code's path was there before

    def extend(self, costs: np.ndarray) -> None:
        """Adds the costs `(n, K)` of the next frames."""
        for stays, best in self.steps(costs):
            self._stays.append(np.packbits(stays))
            self._best.append(best)

    def steps(self, costs: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """Yields for each frame whether the best path to each code stays there, and the best code.

        A path that does not stay comes from the best code of the frame before.
        """
        if costs.ndim != 2 or not costs.shape[1]:
            raise ValueError(f"costs have the shape {costs.shape}, but must be (frames, codes)")
        for frame in np.asarray(costs, np.float64):
            if self._above is None:
                stays, total = np.ones(len(frame), bool), frame
            else:
                stays = self._above <= self.change_cost
                total = np.minimum(self._above, self.change_cost) + frame
            best = int(total.argmin())
            self._above = total - total[best]  # small, so that no rounding error grows with time
            yield stays, best

    def codes(self) -> np.ndarray:
        """Returns the path `(N,)` int64 through all frames so far."""
        codes = np.empty(len(self._best), np.int64)
        if len(codes):
            codes[-1] = self._best[-1]
        for frame in range(len(codes) - 1, 0, -1):
            code = int(codes[frame])
            stays = self._stays[frame][code >> 3] >> (7 - (code & 7)) & 1  # the bit of the code
            codes[frame - 1] = code if stays else self._best[frame - 1]
        return codes


class StreamingPath:
    """The same path with a bounded delay: a code is decided `delay` frames after its own.

    The code of frame n is that of the cheapest path up to frame n + delay. It is the code of the
    whole path whenever the frames after that do not change it, in particular if there are none.

    Args:
        change_cost: Price of a change, in the unit of the costs.
        delay: Frames that are read after a frame before its code is decided.

    Raises:
        ValueError: If the change cost or the delay is negative, or not finite.
    """

    def __init__(self, change_cost: float, delay: int) -> None:
        if delay < 0:
            raise ValueError(f"delay is {delay}, but must be at least 0 frames")
        self.delay = delay
        self._path = CheapestPath(change_cost)
        # whether each code's path stays, and the best code, of the frames not decided yet
        self._undecided: deque[tuple[np.ndarray, int]] = deque()

    def extend(self, costs: np.ndarray) -> np.ndarray:
        """Returns the codes `(m,)` int64 that are decided with the costs `(n, K)` of n frames."""
        decided = []
        for step in self._path.steps(costs):
            self._undecided.append(step)
            if len(self._undecided) > self.delay:
                decided.append(self._backwards()[-1])
                self._undecided.popleft()
        return np.array(decided, np.int64)

    def finish(self) -> np.ndarray:
        """Returns the codes `(m,)` int64 of the frames that are left, at most `delay`."""
        codes = self._backwards()[::-1]
        self._undecided.clear()
        return np.array(codes, np.int64)

    def _backwards(self) -> list[int]:
        """Returns the codes of the cheapest path through the frames not decided yet, the last frame
        first.
        """
        codes: list[int] = []
        stays_next = np.zeros(0, bool)
        for stays, best in reversed(self._undecided):
            codes.append(codes[-1] if codes and stays_next[codes[-1]] else best)
            stays_next = stays
        return codes
