"""The benchmark of generation: what it times is generation, with all that it needs."""

from __future__ import annotations

import csv
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from wavenet_ae.engines import Sampling, make_engine
from wavenet_ae.engines.native import NotCompiled

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import generation as benchmark
from steps import Setup

SIZES = dict(layers_per_block=3, residual=6, gate=5, skip=7, post=4, speaker_dim=3, levels=16)


def tiny(hop: int) -> Setup:
    return Setup(batch=2, num_targets=9, conditioning=4, hop=hop, sizes=SIZES)


@pytest.mark.parametrize("hop", [1, 5, 100])
def test_streams_go_on_with_conditioning_for_each_sample(hop):
    decoder = tiny(hop).decoder().eval()
    task = benchmark.Generation(make_engine("reference", decoder), batch=3)
    session, before = task.session, task.session.position
    made = [task() for _ in range(5)]
    assert session.position == before + 5 * benchmark.SAMPLES_AT_ONCE
    assert {each.shape for each in made} == {(3, benchmark.SAMPLES_AT_ONCE)}
    assert 0 <= session.num_ready < benchmark.SAMPLES_AT_ONCE + hop
    assert torch.equal(session.newest, made[-1][:, -1])
    assert torch.equal(made[0], again(decoder))


def again(decoder) -> torch.Tensor:
    """The first chunk by the engine itself."""
    task = benchmark.Generation(make_engine("reference", decoder), batch=3)
    task.session.extend(task.conditioning)
    return task.session.generate(task.uniforms, Sampling())


def test_rows_of_a_tiny_decoder(monkeypatch, tmp_path, capsys):
    hurried = partial(benchmark.seconds_per_call, least=0.0)
    monkeypatch.setattr(benchmark, "seconds_per_call", hurried)
    engines = benchmark.engines_for(tiny(4).decoder().eval(), ["reference"])
    rows = benchmark.measure("tiny", tiny(4), engines, (1, 2), repeats=3)
    names = [(row["batch"], row["implementation"]) for row in rows]
    assert names == [(b, i) for b in (1, 2) for i in ("reference", benchmark.FULL)]
    for row in rows:
        for rate, micro, times_real in zip(
            row["samples/s"], row["us/sample"], row["x real time"], strict=True
        ):
            assert rate == pytest.approx(row["batch"] * 1e6 / micro)
            assert times_real == pytest.approx(1e6 / micro / 16_000)
    for stepped, full in (rows[:2], rows[2:]):
        assert full["slower"] == stepped["faster"] == [1, 1, 1]
        ratios = [a / b for a, b in zip(stepped["us/sample"], full["us/sample"], strict=True)]
        assert stepped["slower"] == pytest.approx(ratios)
    benchmark.write(rows, tmp_path / "bench" / "generation.csv")
    with (tmp_path / "bench" / "generation.csv").open() as file:
        written = list(csv.DictReader(file))
    assert float(written[0]["samples/s"]) == sorted(rows[0]["samples/s"])[1]
    benchmark.show(rows)
    assert "full convolution" in capsys.readouterr().out


def test_native_engines_stand_beside_their_roofline(monkeypatch, capsys):
    decoder = tiny(4).decoder().eval()
    try:
        engines = benchmark.engines_for(decoder, ["native", "native_int8"])
    except NotCompiled as problem:
        pytest.skip(str(problem))
    reads = []
    for engine in engines.values():
        monkeypatch.setattr(engine.packed, "read_weights", reads.append)
    monkeypatch.setattr(benchmark, "seconds_per_call", lambda tasks, *_: timed(tasks))
    native, int8, full = benchmark.measure("tiny", tiny(4), engines, (2,), repeats=1)
    # a chunk of samples takes a second, and so do all readings of the weights
    expected = benchmark.SAMPLES_AT_ONCE / benchmark.READS_AT_ONCE
    for row, engine in zip((native, int8), engines.values(), strict=True):
        assert row["of roofline"] == [pytest.approx(expected)]
        bytes_read = engine.packed.weight_bytes * benchmark.READS_AT_ONCE
        assert row["GB/s"] == [pytest.approx(bytes_read / 1e9)]
    assert reads == [benchmark.READS_AT_ONCE] * 2
    benchmark.show([native, int8, full])
    assert "native_int8" in capsys.readouterr().out


def timed(tasks):
    """Each is done once, and takes a second."""
    for task in tasks.values():
        task()
    return {key: [1.0] for key in tasks}


@pytest.mark.gpu
def test_a_gpu_has_both_engines():
    decoder = tiny(1).decoder().cuda().eval()
    engines = benchmark.engines_for(decoder, benchmark.engines_on("cuda"))
    tasks = dict(benchmark.tasks_of(engines, 2, 9))
    assert list(tasks) == ["reference", "cuda_graph", benchmark.FULL]
    made = [tasks[name]() for name in ("reference", "cuda_graph")]
    assert torch.equal(*made)
