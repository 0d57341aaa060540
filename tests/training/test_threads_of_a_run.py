"""A run's threads: on record, followed when it is resumed, torch's own again afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from wavenet_ae.checkpoint import newest_checkpoint
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.errors import UserError
from wavenet_ae.runs import RunFolder
from wavenet_ae.threads import AdaptiveThreads
from wavenet_ae.training.callbacks.threads import read_record
from wavenet_ae.training.module import NonFiniteLoss
from wavenet_ae.training.run import train

SCHEDULE = [(0, 2), (4, 1), (6, 2), (9, 1)]
AE = "bottleneck=ae"
WIDE = [AE, "encoder.dim=64", "data.window_seconds=0.2"]  # sums that two threads share


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def scheduled(folder: str, schedule: list[tuple[int, int]], of: int = 2) -> Path:
    Path(folder).mkdir(parents=True)
    lines = [{"step": step, "threads": threads, "of": of} for step, threads in schedule]
    file = RunFolder(folder).threads
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def threads_by_step(folder: str) -> dict[int, int]:
    steps, threads = read_metrics(RunFolder(folder).metrics)["speed/threads"]
    return {int(step) - 1: int(count) for step, count in zip(steps, threads, strict=True)}


def state(folder: str) -> dict[str, torch.Tensor]:
    return newest_checkpoint(RunFolder(folder))[1]["state_dict"]


def test_a_run_records_its_threads(config, two_threads):
    settings = config(AE, "trainer.max_steps=8")
    train(settings)
    file = RunFolder(settings["run_folder"]).threads
    first, *_ = read_record(file)
    assert first == {"step": 0, "threads": 2, "of": 2}
    assert torch.get_num_threads() == 2, "the process has its threads again"


def test_a_change_is_recorded_used_and_warned_of_once(config, two_threads, monkeypatch, caplog):
    monkeypatch.setattr(AdaptiveThreads, "end", lambda self: setattr(self, "threads", 1))
    settings = config(AE, "trainer.max_steps=8")
    train(settings)
    record = read_record(RunFolder(settings["run_folder"]).threads)
    assert [(line["step"], line["threads"]) for line in record] == [(0, 2), (1, 1)]
    counts = threads_by_step(settings["run_folder"])
    assert counts == {0: 2, **dict.fromkeys(range(1, 8), 1)}
    assert caplog.text.count("other programs keep the cores busy") == 1


def test_a_run_that_fails_leaves_all_threads_to_the_next_one(config, two_threads, monkeypatch):
    monkeypatch.setattr(AdaptiveThreads, "end", lambda self: setattr(self, "threads", 1))
    settings = config(AE, "trainer.max_steps=8", "objective.bottleneck.norm_weight=1")
    settings["optimizer"]["learning_rate"] = float("inf")
    with pytest.raises(NonFiniteLoss):
        train(settings)
    assert len(read_record(RunFolder(settings["run_folder"]).threads)) == 2
    assert torch.get_num_threads() == 2


@pytest.mark.slow
def test_a_resumed_run_follows_the_record_bit_by_bit(config, two_threads):
    whole = config(*WIDE, "trainer.max_steps=11", folder="whole")
    file = scheduled(whole["run_folder"], SCHEDULE)
    content = file.read_text()
    train(whole)
    counts = threads_by_step(whole["run_folder"])
    assert [counts[step] for step in range(11)] == [2] * 4 + [1] * 2 + [2] * 3 + [1] * 2

    stopped = config(*WIDE, "trainer.max_steps=5", folder="stopped")
    scheduled(stopped["run_folder"], SCHEDULE)
    train(stopped)
    train({**stopped, "trainer": whole["trainer"]})
    assert RunFolder(stopped["run_folder"]).threads.read_text() == content
    other = state(stopped["run_folder"])
    for name, value in state(whole["run_folder"]).items():
        assert torch.equal(value, other[name]), name


def test_a_run_that_moves_to_other_threads_warns(config, two_threads, caplog):
    settings = config(AE, "trainer.max_steps=4")
    file = scheduled(settings["run_folder"], [(0, 4), (9, 3)], of=4)
    train(settings)
    assert "with 4 threads so far and continues with 2" in caplog.text
    assert read_record(file)[0] == {"step": 0, "threads": 2, "of": 2}


@pytest.mark.slow
def test_trying_all_threads_again_does_not_warn(config, two_threads, monkeypatch, caplog):
    monkeypatch.setattr(AdaptiveThreads, "end", lambda self: setattr(self, "threads", 2))
    settings = config(AE, "trainer.max_steps=6")
    scheduled(settings["run_folder"], [(0, 1)])
    train(settings)
    assert [line["threads"] for line in read_record(RunFolder(settings["run_folder"]).threads)] == [
        1,
        2,
    ]
    assert "other programs" not in caplog.text


def test_lines_of_another_machine_past_this_step_do_not_apply(config, two_threads, monkeypatch):
    monkeypatch.setattr(AdaptiveThreads, "end", lambda self: None)
    settings = config(AE, "trainer.max_steps=6")
    file = scheduled(settings["run_folder"], [(0, 2)])
    line = {"step": 3, "threads": 4, "of": 4}
    file.write_text(file.read_text() + json.dumps(line) + "\n")
    train(settings)
    assert set(threads_by_step(settings["run_folder"]).values()) == {2}
    read_record(file)


def test_threads_may_be_left_alone(config, two_threads):
    settings = config(AE, "callbacks.threads=null", "trainer.max_steps=4")
    train(settings)
    assert not RunFolder(settings["run_folder"]).threads.exists()


@pytest.mark.parametrize(
    "line",
    [
        *('{"step": 5}', "nonsense", '{"step": 5, "thr', "[" * 10**5, "5", '{"step": 1e999}'),
        '{"step": 5, "threads": 3, "of": 2}',
        '{"step": 3, "threads": 1, "of": 2}',
        '{"step": 5, "threads": 0, "of": 2}',
        '{"step": 5, "threads": true, "of": 2}',
    ],
)
def test_a_damaged_record_is_named(tmp_path, line):
    file = RunFolder(tmp_path).threads
    file.write_text('{"step": 3, "threads": 2, "of": 2}\n' + line + "\n")
    with pytest.raises(UserError, match=r"threads\.jsonl, line 2.* Remove the file to resume"):
        read_record(file)
