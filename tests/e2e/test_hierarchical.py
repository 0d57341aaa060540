"""The causal VQ-VAE-2 goes through training, resume, evaluation and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.composed import compose
from helpers.configs import TINY as TINY_RUN
from helpers.configs import TINY_CODES
from helpers.evaluated import data
from helpers.small_models import card, made, recordings, sound

import wavenet_ae
from wavenet_ae.checkpoint import newest_checkpoint
from wavenet_ae.config import check
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.evaluator import evaluate
from wavenet_ae.evaluation.headlines import headlines
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.run import train

STREAMS = ("top", "bottom")
TINY = [
    *(each for each in TINY_RUN if not each.startswith(("encoder.", "decoder."))),
    *("model=hierarchical", "encoder.channels=4", "encoder.num_blocks=1", "model.top_blocks=1"),
    *("encoder.features.num_mels=64", "target.num_mels=8", "decoder.hidden=8"),
    *("model.upsampling.dim=8", "data.window_seconds=0.08", *TINY_CODES),
]
LENGTHS = {"ann/a.wav": 900, "bob/b.wav": 1700}


def run_settings(folder: Path, max_steps: int = 12) -> dict:
    config = compose(*TINY, f"trainer.max_steps={max_steps}")
    check(config)
    return config | {"run_folder": str(folder)}


@pytest.fixture(scope="module")
def run(cache, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hierarchical") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAVENET_AE_CACHE", str(cache))
        train(run_settings(folder))
    return folder


@pytest.mark.slow
def test_a_resumed_run_is_the_run_and_logs_each_stream(run, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))
    train(run_settings(tmp_path, 8))
    train(run_settings(tmp_path, 12))
    states = [newest_checkpoint(RunFolder(each))[1]["state_dict"] for each in (run, tmp_path)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    metrics = read_metrics(RunFolder(run).metrics)
    for stream, rate in (("top", 8 * 50), ("bottom", 16 * 100)):
        for name in ("bottleneck/commitment", "validation/perplexity", "codebook/norm_ratio"):
            assert f"{name}/{stream}" in metrics, name
        assert f"codebook/batch_perplexity/codebook_1/{stream}" not in metrics, "bands share one"
        assert metrics[f"bitrate/nominal/{stream}"][1][-1] == pytest.approx(3 * rate)


@pytest.mark.slow
def test_codes_of_each_stream_are_written_and_decoded(run, tmp_path):
    source, given = recordings(tmp_path / "in", LENGTHS), {"checkpoint": run}
    assert made(task="encode", input=source, out=tmp_path / "codes", **given) == 0
    assert made(task="decode", codes=tmp_path / "codes", out=tmp_path / "sound", **given) == 0
    assert made(task="reconstruct", input=source, out=tmp_path / "again", **given) == 0
    model = wavenet_ae.load(run)
    for name, length in LENGTHS.items():
        num_hops = -(-length // 160)
        files = [(tmp_path / "codes" / each / name).with_suffix(".npy") for each in STREAMS]
        top, bottom = (np.load(each) for each in files)
        assert top.shape == (8, num_hops) and bottom.shape == (16, 2 * num_hops)
        assert len(sound(tmp_path / "sound" / name)) == num_hops * 160
        assert len(sound(tmp_path / "again" / name)) == length
        codes = model.encode(sound(source / name), 8000)
        assert np.array_equal(codes["top"], top) and np.array_equal(codes["bottom"], bottom)
    described = [card(tmp_path / "codes" / each / "units.json") for each in STREAMS]
    assert [each["num_codebooks"] for each in described] == [8, 16]
    assert [each["code_rate_hz"] for each in described] == [50, 100]


@pytest.mark.slow
def test_each_stream_is_evaluated(run, cache, tmp_path):
    result = evaluate(
        EvaluationConfig(
            checkpoint=str(run),
            data=data(cache, minutes=0.35),
            out=str(tmp_path),
            metrics=["receptive_fields", "likelihood", "bitrate", "units"],
            device="cpu",
            smoothing=0.0,
        )
    )

    def keys(table: str, key: str) -> set[str]:
        return {str(row[key]) for row in result.table(table).rows}

    systems = keys("units", "system")
    assert systems >= {"codebook_8/top", "codebook_16/bottom"}
    assert systems >= {f"kmeans_vectors/{each}" for each in STREAMS}, "bands have no joint units"
    assert keys("ablations", "control") >= {f"shuffled_codes/{each}" for each in STREAMS}
    assert {f"pnmi/{stream}" for stream in STREAMS} <= headlines(result).keys()
    rates = {row["estimate"]: row["bits_per_second"] for row in result.table("bitrate").rows}
    assert rates["nominal"] == pytest.approx(rates["nominal/top"] + rates["nominal/bottom"])


def test_a_top_bottleneck_of_its_own_is_checked_as_the_other():
    own = ["+bottleneck@model.top=fsq", "model.top.levels=[4,3]"]
    config = compose(*TINY, *own, "model.top.start_after=0.5")
    assert config["model"]["top"]["start_after"] == 12
    with pytest.raises(UserError, match=r"model\.top\.start_after is 900, but trainer\.max_steps"):
        check(
            {
                **config,
                "model": {**config["model"], "top": {**config["model"]["top"], "start_after": 900}},
            }
        )
