"""Which process receives which signal, and when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from wavenet_ae.signals import PREEMPTION, Interrupts, StopFlag, Stopped, handlers_kept

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, PREEMPTION)


@pytest.fixture(autouse=True)
def restored():
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def received():
    """Signals that a job of submitit receives: SIGTERM, which it ignores, and the preemption."""
    numbers: list[int] = []
    for number in (signal.SIGTERM, PREEMPTION):
        signal.signal(number, lambda number, frame: numbers.append(number))
    return numbers


def test_sigterm_stops_where_there_is_no_submitit():
    with handlers_kept():
        flag = StopFlag()
        flag.install()
        signal.raise_signal(signal.SIGTERM)
        assert flag.signal_number == signal.SIGTERM
        assert signal.getsignal(PREEMPTION) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    with pytest.raises(SystemExit) as stop:
        Stopped(signal.SIGTERM, is_first_process=True).end()
    assert stop.value.code == 143


def test_a_closed_terminal_stops_training_unless_nohup_has_it_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
    flag = StopFlag()
    flag.install()
    signal.raise_signal(signal.SIGHUP)
    assert flag.signal_number == signal.SIGHUP
    flag.restore()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    flag = StopFlag()
    flag.install()
    signal.raise_signal(signal.SIGHUP)
    assert flag.signal_number == 0 and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


ON_A_TERMINAL = """
import os, pty, sys
from wavenet_ae.signals import leave_terminal
ours, theirs = pty.openpty()
os.dup2(theirs, 1)
leave_terminal()
print("seen", flush=True)
assert os.read(ours, 4) == b"seen"
os.close(ours)
leave_terminal()
print("not seen, and no error", flush=True)
"""


def test_a_closed_terminal_is_written_to_without_an_error_and_an_open_one_as_before():
    done = subprocess.run(
        [sys.executable, "-c", ON_A_TERMINAL], stderr=subprocess.PIPE, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("order", [(signal.SIGTERM, PREEMPTION), (PREEMPTION, signal.SIGTERM)])
def test_a_preemption_is_told_to_submitit_when_training_has_saved(received, order):
    flag = StopFlag()
    with handlers_kept():
        flag.install()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Lightning puts its own in place
        flag.install()
        for number in order:
            signal.raise_signal(number)
        assert flag.signal_number == PREEMPTION and received == [signal.SIGTERM]
    with pytest.raises(SystemExit):
        Stopped(flag.signal_number, is_first_process=True).end()
    assert received == [signal.SIGTERM, PREEMPTION]


def test_a_dropped_interrupt_is_raised_by_the_next_check():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:
        interrupts.check()
        with suppress(KeyboardInterrupt):  # as a library's callback does
            os.kill(os.getpid(), signal.SIGINT)
        interrupts.check()
        pytest.fail("work continues")
    assert signal.getsignal(signal.SIGINT) is before
