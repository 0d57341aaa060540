"""The benchmark of generation: what it times is generation, with all that it needs."""

from __future__ import annotations

import csv
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from wavenet_ae.generation import Sampling, make_engine

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
    assert torch.equal(session.level, made[-1][:, -1])
    assert torch.equal(made[0], again(decoder))


def again(decoder) -> torch.Tensor:
    """The first chunk by the engine itself."""
    task = benchmark.Generation(make_engine("reference", decoder), batch=3)
    task.session.extend(task.conditioning)
    return task.session.generate(task.uniforms, Sampling())


def test_rows_of_a_tiny_decoder(monkeypatch, tmp_path, capsys):
    hurried = partial(benchmark.seconds_per_call, least=0.0)
    monkeypatch.setattr(benchmark, "seconds_per_call", hurried)
    rows = benchmark.measure("tiny", tiny(4), (1, 2), repeats=3, device="cpu")
    names = [(row["batch"], row["implementation"]) for row in rows]
    assert names == [(b, i) for b in (1, 2) for i in ("reference", benchmark.FULL)]
    for row in rows:
        for rate, micro, times_real in zip(
            row["samples/s"], row["us/sample"], row["x real time"], strict=True
        ):
            assert rate == pytest.approx(row["batch"] * 1e6 / micro)
            assert times_real == pytest.approx(1e6 / micro / 16_000)
    for stepped, full in (rows[:2], rows[2:]):
        assert full["slower"] == [1, 1, 1]
        ratios = [a / b for a, b in zip(stepped["us/sample"], full["us/sample"], strict=True)]
        assert stepped["slower"] == pytest.approx(ratios)
    benchmark.write(rows, tmp_path / "bench" / "generation.csv")
    with (tmp_path / "bench" / "generation.csv").open() as file:
        written = list(csv.DictReader(file))
    assert float(written[0]["samples/s"]) == sorted(rows[0]["samples/s"])[1]
    benchmark.show(rows)
    assert "full convolution" in capsys.readouterr().out


@pytest.mark.gpu
def test_a_gpu_has_both_engines():
    tasks = dict(benchmark.tasks_of(tiny(1).decoder().cuda().eval(), 2, 9))
    assert list(tasks) == ["reference", "cuda_graph", benchmark.FULL]
    made = [tasks[name]() for name in ("reference", "cuda_graph")]
    assert torch.equal(*made)
