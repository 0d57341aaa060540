"""The native engine among threads, processes and signals."""

from __future__ import annotations

import gc
import os
import signal
import time

import pytest
import torch
from test_native import NUM_SAMPLES, decoder, needs, streams

from wavenet_ae.generation import Sampling, stream_uniforms
from wavenet_ae.generation.engines.base import Session
from wavenet_ae.generation.engines.native import NativeEngine

MANY = 2_000_000  # samples: minutes


def session(threads: int, count: int = NUM_SAMPLES) -> Session:
    needs("portable")
    model = decoder("no conditioning")
    levels, conditioning, speaker = streams(model, 1, count)
    history = levels[:, : model.chain.receptive_field]
    return NativeEngine(model, threads=threads).begin(history, conditioning, speaker)


def test_an_interrupt_is_heard_within_a_chunk():
    """As Ctrl-C is, whose handler raises as this one does."""
    running = session(2, MANY)

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            running.generate(torch.zeros(1, MANY), Sampling())
        assert time.monotonic() - start < 5
    finally:
        signal.signal(signal.SIGALRM, before)
    assert running.position > 0


def test_threads_that_have_nothing_to_do_take_no_time():
    idle = session(3)
    idle.generate(torch.from_numpy(stream_uniforms([0], 0, NUM_SAMPLES)), Sampling())
    time.sleep(0.05)  # until they have ceased to spin
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.1


def test_a_forked_process_ends_although_it_has_none_of_the_threads():
    kept = [session(3)]
    child = os.fork()
    if child == 0:
        kept.clear()
        gc.collect()
        os._exit(0)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status == 0
            return
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("it waits for threads that it does not have")


def test_more_threads_than_cores_still_end():
    """They sleep where spinning would keep the core from the thread that they wait for."""
    model = decoder("two taps", "odd")
    needs("portable")
    levels, conditioning, speaker = streams(model, 1)
    field = model.chain.receptive_field
    native = NativeEngine(model, threads=4 * (os.cpu_count() or 1))
    stepped = native.begin(levels[:, :field], conditioning, speaker).score(levels[:, field:])
    alone = NativeEngine(model, threads=1).begin(levels[:, :field], conditioning, speaker)
    assert torch.equal(stepped, alone.score(levels[:, field:]))
