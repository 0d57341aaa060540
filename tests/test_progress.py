"""Progress of work: lines in the log, threads that adapt, interrupts that are not lost."""

from __future__ import annotations

import io
import logging
import os
import signal
from contextlib import suppress

import pytest
from rich.console import Console

from wavenet_ae import progress
from wavenet_ae.progress import AudioProgress, Progress


class Threads:
    """Counts pieces of work, in the place of AdaptedTorch."""

    pieces = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def next_piece(self):
        self.pieces += 1


@pytest.fixture(autouse=True)
def shown(caplog):
    caplog.set_level(logging.INFO)


def test_lines_in_the_log_are_far_between(caplog, monkeypatch):
    with Progress("packing", 2.0) as work:
        work.at(1.0)
        assert not caplog.messages, "ten seconds have not passed"
        monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
        work.at(1.5)
        work.at(2.0, "all")
    assert caplog.messages[:2] == ["packing: 75 %", "all"]
    assert caplog.messages[2].startswith("packing: ") and caplog.messages[2].endswith(" s")


def test_a_terminal_gets_a_bar_and_no_lines(caplog, monkeypatch):
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr(progress, "Console", lambda **_: terminal)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    with Progress("units") as work:
        work.at(0.25)
        work.bar._bar.refresh()
    assert "units: 25 %" in screen.getvalue()
    assert len(caplog.messages) == 1, "only how long it took"


def test_threads_adapt_between_two_pieces_of_work():
    threads = Threads()
    with Progress("probes", threads=threads) as work:
        work.at(0.5)
        work.at(1.0)
    assert threads.pieces == 2


def test_an_interrupt_that_something_drops_is_raised_at_the_next_piece(caplog):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), AudioProgress(2, 1.0) as work:
        work.add(0.1, num_done=1)
        with suppress(KeyboardInterrupt):  # as a library's callback does
            os.kill(os.getpid(), signal.SIGINT)
        work.add(0.1)
        pytest.fail("work continues")
    assert signal.getsignal(signal.SIGINT) is before
    assert caplog.messages[-1].startswith("stopped after 1/2, 0.2 s of audio, ")
