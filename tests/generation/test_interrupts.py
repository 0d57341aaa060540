"""An interrupt that something swallows is raised at the next piece of work."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from wavenet_ae.generation.progress import Meter


def test_a_dropped_interrupt_is_raised_again():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Meter(2, 1.0) as meter:
        meter.add(0.1)
        with suppress(KeyboardInterrupt):  # as a library's callback does
            os.kill(os.getpid(), signal.SIGINT)
        meter.add(0.1)
        pytest.fail("work goes on")
    assert signal.getsignal(signal.SIGINT) is before
