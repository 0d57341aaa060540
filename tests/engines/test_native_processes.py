"""The native engine among threads, processes and signals."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from helpers.native_decoders import NUM_SAMPLES, decoder, needs, streams

from wavenet_ae.decoders import WaveNet
from wavenet_ae.engines import Sampling, stream_uniforms
from wavenet_ae.engines.base import Session
from wavenet_ae.engines.native import NativeEngine, engine

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


@contextmanager
def stacks_of(size: int) -> Iterator[None]:
    """New threads get stacks of so many bytes, which may be more than there are addresses for."""
    libc, kept, asked = ctypes.CDLL(None), *(ctypes.create_string_buffer(64) for _ in range(2))
    if not hasattr(libc, "pthread_setattr_default_np"):
        pytest.skip("this system's C library has no default for stacks")
    libc.pthread_getattr_default_np(kept)
    libc.pthread_getattr_default_np(asked)
    assert libc.pthread_attr_setstacksize(asked, ctypes.c_size_t(size)) == 0
    assert libc.pthread_setattr_default_np(asked) == 0
    try:
        yield
    finally:
        assert libc.pthread_setattr_default_np(kept) == 0


def test_where_no_thread_can_be_started_one_does_the_work():
    model = decoder("two taps", "odd")
    needs("portable")
    levels, conditioning, speaker = streams(model, 1)
    field = model.chain.receptive_field
    with stacks_of(1 << 47):
        alone = NativeEngine(model, threads=3)
    together = NativeEngine(model, threads=3)
    assert (alone.threads, together.threads) == (1, 3)
    scores = [
        each.begin(levels[:, :field], conditioning, speaker).score(levels[:, field:])
        for each in (alone, together)
    ]
    assert torch.equal(*scores)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads cannot be kept together")
def test_one_thread_goes_on_alone_where_others_are_kept_from_their_work():
    """Two threads on one core: each waits while the other has it."""
    needs("portable")
    count = 4000
    model = decoder("two taps", "many")
    levels, conditioning, speaker = streams(model, 1, count)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        native = NativeEngine(model, threads=2)
        assert native.threads == 2
        history = levels[:, : model.chain.receptive_field]
        running = native.begin(history, conditioning, speaker)
        running.score(levels[:, model.chain.receptive_field :])
        assert native.threads == 1
    finally:
        os.sched_setaffinity(0, cores)


def test_threads_are_as_many_as_are_worth_while(monkeypatch):
    """The sizes are those that have been measured; benchmarks/steps.py names them."""
    needs("portable")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    small = WaveNet(128, 11, 1, residual=64, gate=64, skip=128, post=128)
    large = WaveNet(128, 11, 1, residual=368, gate=256, skip=256, post=256)
    assert [engine._threads_for(small, size) for size in (1, 2, 4)] == [1, 1, 1]
    assert [engine._threads_for(large, size) for size in (1, 2, 4)] == [2, 2, 2]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert [engine._threads_for(small, size) for size in (1, 2, 4)] == [1, 1, 1]
