"""Which process receives which signal, and when."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from wavenet_ae.signals import PREEMPTION, Interrupts, StopFlag, Stopped, handlers_kept

NUMBERS = (signal.SIGINT, signal.SIGTERM, PREEMPTION)


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
