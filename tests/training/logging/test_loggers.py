"""What TensorBoard and W&B keep of a run, through the interface of all loggers."""

from __future__ import annotations

import warnings

import pytest
from helpers.wandb_files import configuration, history, run_ids, segments
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from wavenet_ae.runs import RunFolder
from wavenet_ae.schema import accepts, describe, parameter_types
from wavenet_ae.training.logging import (
    CSVLog,
    HistogramLog,
    RunLogger,
    TensorBoard,
    WandB,
)

CONFIG = {"seed": 1, "bottleneck": {"_target_": "wavenet_ae.bottlenecks.VQVAE", "dim": 6}}
PROVENANCE = {"command": "train.py seed=1", "corpus_fingerprint": "f00", "git": "abc-dirty"}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")


def test_a_run_is_described_to_wandb(tmp_path):
    logger = WandB(str(tmp_path))
    logger.add_config(CONFIG, PROVENANCE, 0)
    logger.finalize("success")
    found = configuration(segments(tmp_path)[0])
    assert {key: found[key] for key in CONFIG} == CONFIG
    assert found["provenance"] == PROVENANCE


def test_without_a_login_a_run_is_offline_and_does_not_ask(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # where a login would lie
    for name in ("WANDB_API_KEY", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("WANDB_MODE")
    logger = WandB(str(tmp_path))
    logger.log_metrics({"train/nll": 1.0}, 0)
    logger.finalize("success")
    assert history(segments(tmp_path)[0])[0]["train/nll"] == 1.0


def test_a_run_is_described_to_tensorboard(tmp_path):
    logger = TensorBoard(str(tmp_path), 0)
    logger.add_config(CONFIG, PROVENANCE, 0)
    logger.finalize("success")
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert events.Tags()["scalars"] == [], "no metric that the run has not logged"
    texts = {
        name: events.Tensors(f"{name}/text_summary")[0].tensor_proto.string_val[0].decode()
        for name in ("config", "provenance")
    }
    assert "_target_: wavenet_ae.bottlenecks.VQVAE" in texts["config"]
    assert "corpus_fingerprint: f00" in texts["provenance"]


def test_rows_are_numbered_by_steps_also_after_a_resume(tmp_path):
    for steps in ((0, 1, 2, 3), (3, 4)):
        logger = WandB(str(tmp_path))
        for step in steps:
            logger.log_metrics({"train/nll": float(step)}, step)
            logger.log_metrics({"validation/nll": float(step)}, step)
        logger.finalize("success")
    first, second = segments(tmp_path)
    assert [row["_step"] for row in history(first)] == [0, 1, 2, 3]
    assert [row["_step"] for row in history(second)] == [3, 4]
    assert history(second)[0]["train/nll"] == history(second)[0]["validation/nll"] == 3.0
    assert run_ids(first) == run_ids(second) == {RunFolder(tmp_path).wandb_id.read_text()}


def test_the_next_run_in_a_process_is_one_of_its_own(tmp_path):
    """As in a grid: train.py -m ... logger=wandb."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            logger = WandB(str(tmp_path / name))
            logger.log_metrics({"train/nll": 1.0}, 0)
            logger.finalize("success")
    ids = [run_ids(segments(tmp_path / name)[0]) for name in ("one", "two")]
    assert ids[0] and ids[1] and ids[0] != ids[1]


def test_checkpoints_is_one_of_three():
    kind = parameter_types(WandB)["checkpoints"]
    assert all(accepts(value, kind) for value in ("none", "best", "all"))
    assert not accepts("newest", kind) and not accepts(None, kind)
    assert describe(kind) == "one of none, best, all"


@pytest.mark.parametrize("make", [CSVLog, HistogramLog, lambda path: TensorBoard(str(path), 0)])
def test_a_logger_ignores_what_it_has_no_place_for(make, tmp_path):
    logger: RunLogger = make(tmp_path / "log")
    logger.add_table("t", ["a"], [[1.0]], 0)
    logger.add_bars("b", "title", ["x"], [1.0], 0)
    logger.alert("title", "text")
    logger.end_row(0)
    assert logger.checkpoints == "none"


def test_wandb_puts_what_comes_after_the_end_of_a_row_into_the_next(tmp_path):
    logger = WandB(str(tmp_path))
    logger.log_metrics({"train/nll": 1.0}, 4)
    logger.end_row(4)
    logger.add_scalars({"audio_samples/seconds": 2.0}, 4)
    logger.finalize("success")
    rows = history(segments(tmp_path)[0])
    assert [row["_step"] for row in rows] == [4, 5]
    assert [row["trainer/global_step"] for row in rows] == [4, 4]
    assert rows[1]["audio_samples/seconds"] == 2.0
