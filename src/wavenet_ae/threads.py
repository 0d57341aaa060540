"""How torch's threads share a CPU with other programs.

Threads that compute together wait for each other after each operation.  They spin while they wait,
because that is faster than sleeping, as long as each has a core of its own.  Where another program
takes one of the cores, all of them wait for the one thread that has none: two threads beside one
busy process are a third as fast as one.  Hence the two parts of this file: threads spin for a
fraction of a millisecond only, and where much time is lost nevertheless, fewer of them are used.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

# The settings of GNU OpenMP by which users have chosen for themselves.
CHOSEN_BY_USER = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
SPIN_COUNT = 10_000  # about 0.1 to 0.5 ms; the default is thirty times as long

WINDOW_SECONDS = 0.5  # of work, or one piece that takes longer
MOST_LOST = 0.25  # of the time of a window
PATIENCE = 2  # windows in a row
RETRY_AFTER, MOST_RETRY_AFTER = 20, 640  # windows with fewer threads


def set_spin_count() -> None:
    """Limits how long torch's threads spin, unless the environment says how they wait.

    GNU OpenMP reads the setting when torch is imported: call this before.
    """
    if not any(name in os.environ for name in CHOSEN_BY_USER):
        os.environ["GOMP_SPINCOUNT"] = str(SPIN_COUNT)


class AdaptiveThreads:
    """Chooses how many threads to compute with, from 1 to `most`.

    Call `begin` and `end` around pieces of work of the main thread.  A thread that computes or
    spins uses CPU time; one that waits for a core, or sleeps until another thread has had one, does
    not.  Where the main thread lacks a quarter of the time over two windows in a row, as many
    threads are chosen as the process got cores.  After 20 windows all threads are tried again for
    one; where that fails, after twice as many, at most 640.

    Args:
        most: threads where no other program is busy.
        clocks: seconds of wall-clock time, of CPU time of this thread, and of CPU time of all
            threads of the process.
    """

    def __init__(
        self,
        most: int,
        clocks: tuple[Callable[[], float], ...] = (
            time.perf_counter,
            time.thread_time,
            time.process_time,
        ),
    ) -> None:
        self.most = self.threads = most
        self.clocks = clocks
        self.num_lossy = 0  # windows in a row
        self.fewer: int | None = None  # to go back to if a trial of all threads fails
        self.retry_after = RETRY_AFTER
        self.windows_with_fewer = 0
        self._forget_window()

    def begin(self) -> None:
        """Notes the start of a piece of work."""
        self.began = self._now()

    def end(self) -> int:
        """Notes the end of a piece of work; returns how many threads to use for the next one."""
        now = self._now()
        wall, own, all_threads = (end - begin for end, begin in zip(now, self.began, strict=True))
        self.wall += wall
        self.own += own
        self.all_threads += all_threads
        if self.wall >= WINDOW_SECONDS:
            self._judge_window()
            self._forget_window()
        return self.threads

    def start_with(self, threads: int) -> None:
        """Continues with the threads of an earlier part of the work."""
        self.threads = min(threads, self.most)

    def _now(self) -> tuple[float, ...]:
        return tuple(clock() for clock in self.clocks)

    def _forget_window(self) -> None:
        self.wall = self.own = self.all_threads = 0.0

    def _judge_window(self) -> None:
        self.windows_with_fewer += self.threads < self.most
        is_lossy = 1 - self.own / self.wall > MOST_LOST
        self.num_lossy = self.num_lossy + 1 if is_lossy else 0
        if self.fewer is not None:  # this was a trial
            self._end_trial(is_lossy)
        elif self.num_lossy >= PATIENCE and self.threads > 1:
            cores = round(self.all_threads / self.wall)
            self._use(max(1, min(cores, self.threads - 1)))
        elif self.threads < self.most and self.windows_with_fewer >= self.retry_after:
            self.fewer = self.threads
            self._use(self.most)

    def _end_trial(self, has_failed: bool) -> None:
        assert self.fewer is not None
        if has_failed:
            self._use(self.fewer)
            self.retry_after = min(2 * self.retry_after, MOST_RETRY_AFTER)
        else:
            self.retry_after = RETRY_AFTER
        self.fewer = None

    def _use(self, threads: int) -> None:
        self.threads = threads
        self.num_lossy = 0
        self.windows_with_fewer = 0


class AdaptedTorch:
    """Sets torch's threads as `AdaptiveThreads` chooses; as a context manager, for a while.

    `next_piece` separates the pieces of work.
    """

    def __enter__(self) -> AdaptedTorch:
        import torch

        self.most = torch.get_num_threads()
        self.adaptive = AdaptiveThreads(self.most)
        self.adaptive.begin()
        return self

    def __exit__(self, *error: object) -> None:
        import torch

        torch.set_num_threads(self.most)

    def next_piece(self) -> None:
        import torch

        threads = self.adaptive.end()
        if threads != torch.get_num_threads():
            torch.set_num_threads(threads)
        self.adaptive.begin()


def has_bfloat16_instructions() -> bool:
    """Returns whether the processor multiplies matrices in bfloat16; True where that is unknown."""
    import torch

    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    if known.get("architecture") != "x86_64":
        return True
    return any(known.get(name) for name in ("avx512_bf16", "amx_bf16", "avx_ne_convert"))
