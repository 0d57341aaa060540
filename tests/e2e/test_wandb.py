"""What W&B, offline, and TensorBoard have of a run is what the run folder has."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.commands import run, start
from helpers.configs import TINY, TINY_QUANTIZERS
from helpers.runs import logged
from helpers.wandb_files import (
    artifacts,
    configuration,
    histogram_keys,
    history,
    logged_keys,
    run_ids,
    segments,
    table_keys,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from wavenet_ae.checkpoint import read_checkpoint
from wavenet_ae.runs import RunFolder

pytestmark = pytest.mark.slow
BOTH = ["logger=[wandb,tensorboard]", "logger.wandb.checkpoints=best"]


@pytest.fixture(scope="module", autouse=True)
def offline(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("WANDB_DATA_DIR", str(tmp_path_factory.mktemp("wandb")))
        yield


@pytest.fixture(scope="module", params=["vqvae_ema", "rvq", "vae"])
def folder(request, cache, tmp_path_factory) -> Path:
    """Of a run that was resumed once, after step 12 of 20."""
    place = tmp_path_factory.mktemp(request.param) / "run"
    settings = [
        *TINY,
        f"bottleneck={request.param}",
        *TINY_QUANTIZERS.get(request.param, []),
        *BOTH,
    ]
    short = [*settings, "trainer.max_steps=12", f"hydra.run.dir={place}"]
    for arguments in (short, [f"resume={place}", "trainer.max_steps=20"]):
        code, output = run("train.py", *arguments, cache=cache)
        assert code == 0, output
    return place


def test_figures_are_the_same_everywhere(folder):
    columns = set(logged(folder)[0]) | {"speed/times_real_time", "speed/threads"}
    tensorboard = events(folder).Tags()["scalars"]
    assert logged_keys(folder) == columns - {"step"} == set(tensorboard) - {"epoch"}
    assert {"train/nll", "validation/nll", "validation/nll_increase_shuffled_codes"} <= columns
    for key in ("train/nll", "validation/nll"):
        rows = [(int(row["step"]), float(row[key])) for row in logged(folder) if row[key]]
        assert rows[-1][0] == {"train/nll": 19, "validation/nll": 17}[key]
        wandb_rows = [
            (row["trainer/global_step"], pytest.approx(row[key]))
            for segment in segments(folder)
            for row in history(segment)
            if key in row
        ]
        scalars = [(each.step, pytest.approx(each.value)) for each in events(folder).Scalars(key)]
        assert rows == wandb_rows == scalars


def test_histograms_are_the_same_everywhere(folder):
    lines = [json.loads(line) for line in RunFolder(folder).histograms.read_text().splitlines()]
    names = {line["name"] for line in lines}
    assert names == histogram_keys(folder) == set(events(folder).Tags()["histograms"])
    assert "bottleneck/latents" in names
    rows = [row for segment in segments(folder) for row in history(segment)]
    for name in names:
        steps = [line["step"] for line in lines if line["name"] == name]
        assert steps == [each.step for each in events(folder).Histograms(name)]
        assert steps == [row["_step"] for row in rows if name in row]
    usages = {name for name in names if name.startswith("codebook/usage")}
    charts = {name.replace("usage", "most_used") + "_table" for name in usages}
    assert table_keys(folder) == {"validation/metrics", *charts}


def test_the_table_has_the_latest_validation(folder):
    *_, (step, table) = [
        (row["_step"], row["validation/metrics"])
        for segment in segments(folder)
        for row in history(segment)
        if "validation/metrics" in row
    ]
    (file,) = folder.glob(f"wandb/offline-run-*/files/{table['path']}")
    content = json.loads(file.read_text())
    assert content["columns"] == ["metric", "value", "unit"]
    values = {name: value for name, value, _ in content["data"]}
    (row,) = [row for row in logged(folder) if int(row["step"]) == step]
    shown = {key for key in row if key.startswith(("validation/", "bitrate/")) and row[key]}
    assert values == {key: pytest.approx(float(row[key])) for key in shown}
    assert all(unit for _, _, unit in content["data"]), "each figure has its unit"


def test_the_run_is_described(folder):
    config = yaml.safe_load(RunFolder(folder).config.read_text())
    lines = RunFolder(folder).provenance.read_text().splitlines()
    for segment, line, max_steps in zip(segments(folder), lines, (12, 20), strict=True):
        found = configuration(segment)
        config["trainer"]["max_steps"] = max_steps
        assert {key: found[key] for key in config} == config
        assert found["provenance"] == json.loads(line)
        assert len(found["provenance"]["corpus_fingerprint"]) > 8 and "git" in found["provenance"]
    assert {"config/text_summary", "provenance/text_summary"} <= set(
        events(folder).Tags()["tensors"]
    )


def test_a_resume_goes_on_with_the_same_run(folder):
    first, second = segments(folder)
    assert run_ids(first) == run_ids(second) == {RunFolder(folder).wandb_id.read_text()}
    assert [row["_step"] for row in history(first)] == list(range(12))
    assert [row["_step"] for row in history(second)] == list(range(12, 20))


def test_the_best_checkpoint_is_an_artifact(folder):
    best = RunFolder(folder).best_checkpoint
    assert_is_best(artifacts(segments(folder)[-1], "model"), best)


def assert_is_best(found: list[Any], best: Path) -> None:
    """One artifact, whose file lies in the offline folder and which says its step and NLL."""
    (artifact,) = found
    (entry,) = artifact.manifest.contents
    assert Path(entry.local_path).is_relative_to(best.parents[1] / "wandb")
    assert Path(entry.local_path).read_bytes() == best.read_bytes()
    metadata, step = json.loads(artifact.metadata), read_checkpoint(best)["global_step"]
    (row,) = [row for row in logged(best.parents[1]) if int(row["step"]) == step - 1]
    assert metadata == {"step": step, "validation/nll": float(row["validation/nll"])}
    assert artifact.name == best.parents[1].name and "best" in artifact.aliases


def test_every_kept_checkpoint_is_an_artifact_also_after_ctrl_c(cache, tmp_path):
    folder = tmp_path / "run"
    settings = [*TINY, "bottleneck=ae", "logger=wandb", "logger.wandb.checkpoints=all"]
    endless = ["trainer.max_steps=100000", f"hydra.run.dir={folder}"]
    process = start("train.py", *settings, *endless, cache=cache)
    while process.poll() is None and len(list(folder.glob("checkpoints/step-*.ckpt"))) < 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    *steps, best = artifacts(segments(folder)[0], "model")
    assert_is_best([best], RunFolder(folder).best_checkpoint)
    recorded = [json.loads(each.metadata)["step"] for each in steps]
    kept = RunFolder(folder).step_checkpoints()
    assert recorded[-len(kept) :] == [int(path.stem.removeprefix("step-")) for path in kept]
    assert len(set(recorded)) == len(recorded) and all("latest" in each.aliases for each in steps)


def events(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder / "tensorboard"), {"histograms": 0, "scalars": 0}).Reload()
