"""Training steps of decoders: samples/s, and how much of the GPU's arithmetic they use.

`of peak` is model FLOP utilization: the arithmetic that valid predictions need (steps.py), by the
seconds of a step, over the rate of the fastest matrix product of the same run and precision.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median
from types import FrameType
from typing import Any

import torch
from steps import DTYPES, SETUPS, Precision, Setup, TrainingStep, noise, training_flops
from timing import Shape, machine, matrix_product, product_flops, seconds_per_call
from torch import Tensor

from gpu_parts.modes import tf32
from gpu_parts.task import Task, append

DECODERS = ("medium", "reference", "small")
BATCHES = (32, 128, 512)
SQUARES: tuple[Shape, ...] = ((4096,) * 3, (8192,) * 3)
TINY_BATCHES, TINY_SQUARES = (2, 4), ((128,) * 3,)
PRECISIONS: tuple[Precision, ...] = ("bf16", "fp32")
REPEATS = 3
LONGEST_STEP = 1.0  # seconds; what would take longer is left out
MEMORY_SHARE = 0.85  # of the GPU's, that a step may be expected to need
FOR_PROFILE = 8.0  # seconds to keep for the profile and
FOR_COMPILING = 45.0  # for torch.compile, after that
LEAST_COMPILING = 10.0  # without which none is begun
TINY_COMPILING = 5.0
NUM_KERNELS = 12  # of the profile


def run(task: Task) -> None:
    """Record products, then steps of growing batches, then a profile, then compiled steps."""
    task.record("machine", **machine(task.device))
    peaks = {precision: peak(task, precision) for precision in (*PRECISIONS, "tf32")}
    measured = list(measure_all(task, peaks))
    if measured:
        profile(task, min(measured, key=lambda row: row["of peak"]))
    for name in DECODERS[:1] if task.tiny else DECODERS:
        own = [row for row in measured if (row["decoder"], row["precision"]) == (name, "bf16")]
        if own and task.seconds_left > LEAST_COMPILING:
            best = max(own, key=lambda row: row["samples/s"])
            measure_compiled(task, name, best["batch"], peaks)


def peak(task: Task, precision: str) -> float:
    """FLOP/s of the fastest matrix product: squares, and those of the medium decoder's sizes."""
    shapes = (*TINY_SQUARES,) if task.tiny else SQUARES
    layers = setup_of(task, "medium", batches(task)[0]).products
    dtype = DTYPES["bf16" if precision == "bf16" else "fp32"]
    rates = {}
    with tf32(precision == "tf32"):
        for shape in (*shapes, *layers):
            product = matrix_product(shape, dtype, task.device)
            seconds = seconds_per_call({"": product}, REPEATS, task.device, least=0.05)[""]
            rates[shape] = product_flops(shape) / median(seconds)
    best = max(rates, key=rates.__getitem__)
    size = "x".join(map(str, best))
    task.record("matrix product", precision=precision, shape=size, TFLOPS=rates[best] / 1e12)
    return rates[best]


def batches(task: Task) -> Sequence[int]:
    return TINY_BATCHES if task.tiny else BATCHES


def setup_of(task: Task, name: str, batch: int) -> Setup:
    """A decoder's sizes with this batch; in a rehearsal, as many layers of few channels."""
    setup = replace(SETUPS[name], batch=batch)
    if task.tiny:
        few = dict(layers_per_block=3, residual=8, gate=8, skip=8, post=8, speaker_dim=4)
        setup = replace(setup, num_targets=160, conditioning=8, sizes=few)
    return setup


def measure_all(task: Task, peaks: dict[str, float]) -> Iterator[dict[str, Any]]:
    """Steps of each decoder in each precision, batch by batch as far as memory and time go."""
    for name in DECODERS:
        modes = (*PRECISIONS, "tf32") if name == "medium" else PRECISIONS
        for precision in modes:
            row: dict[str, Any] | None = None
            for batch in batches(task):
                problem = what_forbids(task, row, batch)
                if problem:
                    row = None
                    task.record(f"{name} {precision} batch {batch}", why=problem)
                    break
                row = measure(task, name, batch, precision, peaks)
                if row is None:
                    break
                yield row


def what_forbids(task: Task, before: dict[str, Any] | None, batch: int) -> str:
    """Why a larger batch than that of the row `before` is not tried, or ""."""
    if not task.tiny and task.seconds_left < FOR_PROFILE + FOR_COMPILING:
        return "left out: no time"
    if before is None:
        return ""
    growth = batch / before["batch"]
    if before["ms a step"] * growth > 1e3 * LONGEST_STEP:
        return f"left out: about {before['ms a step'] * growth / 1e3:.1f} s a step"
    if before["GiB"] * growth > MEMORY_SHARE * memory_gib(task.device):
        return f"left out: about {before['GiB'] * growth:.0f} GiB"
    return ""


def memory_gib(device: str) -> float:
    if device == "cpu":
        return float("inf")
    return torch.cuda.get_device_properties(0).total_memory / 2**30


def measure(
    task: Task,
    name: str,
    batch: int,
    precision: str,
    peaks: dict[str, float],
    is_compiled: bool = False,
) -> dict[str, Any] | None:
    """Time a step and record it; None where the GPU's memory does not suffice."""
    try:
        row = timed(task, name, batch, precision, peaks, is_compiled)
    except torch.OutOfMemoryError:
        row = None
    if task.device == "cuda":
        torch.cuda.empty_cache()
    if row is None:
        task.record(f"{name} {precision} batch {batch}", why="out of memory")
        return None
    task.record("compiled step" if is_compiled else "step", **row)
    return row


def measure_compiled(task: Task, name: str, batch: int, peaks: dict[str, float]) -> None:
    """The same of a compiled decoder, as far as it is compiled in the time that is left.

    When the time is over, the process ends: nothing is measured after it, and an exception in the
    middle of a compilation can end the process anyway, in a callback from C++.
    """
    seconds = TINY_COMPILING if task.tiny else task.seconds_left - 1
    what = f"compiled {name} bf16 batch {batch}, within {seconds:.0f} s"

    def end(number: int, frame: FrameType | None) -> None:
        append(task.out, {"part": task.part, "what": what, "why": "out of time"})
        os._exit(0)

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, max(0.1, seconds))
    try:
        measure(task, name, batch, "bf16", peaks, is_compiled=True)
    except Exception as problem:  # of whatever kind a compiler has
        first_line = (str(problem).splitlines() or [""])[0]
        task.record(what, why=f"{type(problem).__name__}: {first_line[:200]}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def timed(
    task: Task,
    name: str,
    batch: int,
    precision: str,
    peaks: dict[str, float],
    is_compiled: bool,
) -> dict[str, Any]:
    setup = setup_of(task, name, batch)
    step = make_step(task, setup, precision)
    if is_compiled:
        step.decoder.compile()
    if task.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with tf32(precision == "tf32"):
        began = time.perf_counter()
        float(step())  # waits for the GPU
        first = time.perf_counter() - began
        seconds = median(seconds_per_call({"": step}, REPEATS, task.device, least=0.2)[""])
    flops = training_flops(setup.decoder(), batch, setup.num_targets)
    used = torch.cuda.max_memory_allocated() / 2**30 if task.device == "cuda" else 0.0
    return {
        "decoder": name,
        "precision": precision,
        "batch": batch,
        "ms a step": 1e3 * seconds,
        "samples/s": setup.num_samples / seconds,
        "TFLOPS": flops / seconds / 1e12,
        "of peak": flops / seconds / peaks[precision],
        "GiB": used,
        **({"s for the first": first} if is_compiled else {}),
    }


def make_step(task: Task, setup: Setup, precision: str) -> TrainingStep:
    kind: Precision = "bf16" if precision == "bf16" else "fp32"
    return TrainingStep(setup.decoder(), inputs(setup, task.device), kind)


def inputs(setup: Setup, device: str) -> tuple[Tensor, ...]:
    """Noise of the batch's size: that of a few windows, over and over, which is made sooner."""
    few = next(each for each in (8, 4, 2, 1) if setup.batch % each == 0)
    times = setup.batch // few
    made = noise(setup.decoder(), few, setup.num_targets, device)
    samples, conditioning, speaker, targets = (
        each.detach().repeat(times, *(1,) * (each.ndim - 1)) for each in made
    )
    return samples, conditioning.requires_grad_(), speaker, targets


def profile(task: Task, slowest: dict[str, Any]) -> None:
    """Record where the time of the step goes that uses the least of the peak."""
    step = make_step(
        task, setup_of(task, slowest["decoder"], slowest["batch"]), slowest["precision"]
    )
    activities = [torch.profiler.ProfilerActivity.CPU]
    if task.device == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with tf32(slowest["precision"] == "tf32"):
        step()
        with torch.profiler.profile(activities=activities) as found:
            step()
            if task.device == "cuda":
                torch.cuda.synchronize()
    # Of what ran on the GPU, not of the calls that started it, which have the same time again.
    own_time = "self_device_time_total" if task.device == "cuda" else "self_cpu_time_total"
    events = [
        each
        for each in found.key_averages()
        if each.device_type.name.lower() == task.device and not each.is_user_annotation
    ]
    events.sort(key=lambda each: -getattr(each, own_time))
    total = sum(getattr(each, own_time) for each in events)
    where = f"{slowest['decoder']} {slowest['precision']} batch {slowest['batch']}"
    for each in events[:NUM_KERNELS]:
        own = getattr(each, own_time)
        values = {"calls": each.count, "ms": own / 1e3, "share": own / max(total, 1)}
        task.record(f"profile of {where}", kernel=each.key[:70], **values)
