"""A model with two streams of codes goes through training, evaluation and files as any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.evaluated import data
from helpers.golden import settings
from helpers.small_models import card, made, recordings, sound
from helpers.two_streams import PLUGIN, TARGET, checkpoint

import wavenet_ae
from wavenet_ae import instantiate
from wavenet_ae.checkpoint import newest_checkpoint
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.evaluator import evaluate
from wavenet_ae.evaluation.headlines import headlines
from wavenet_ae.evaluation.report.page import write_report
from wavenet_ae.evaluation.report.sections import summary
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.run import train

STREAMS = ("top", "bottom")
LENGTHS = {"ann/a.wav": 900, "bob/b.wav": 1700}


@pytest.fixture(autouse=True)
def plugin(monkeypatch):
    monkeypatch.setattr(instantiate, "plugin_packages", lambda: PLUGIN)


def run_settings(folder: Path, **trainer: int) -> dict:
    codes = ["bottleneck=vqvae", "bottleneck.codebook_size=8", "bottleneck.start_after=3"]
    config = settings(*codes, folder=folder)
    del config["model"]["jitter_probability"], config["model"]["unknown_speaker_probability"]
    del config["model"]["speaker_norm"]
    config["model"]["_target_"] = TARGET
    config["data"]["window_seconds"] = 0.08
    config["trainer"] |= trainer
    return config


def test_training_logs_each_stream_and_resumes_exactly(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("WAVENET_AE_CACHE", str(cache))
    train(run_settings(tmp_path / "whole", max_steps=12))
    train(run_settings(tmp_path / "resumed", max_steps=8))
    train(run_settings(tmp_path / "resumed", max_steps=12))
    states = [newest_checkpoint(RunFolder(tmp_path / each)) for each in ("whole", "resumed")]
    whole, resumed = (found[1]["state_dict"] for found in states)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert whole["model.top.is_quantizing"] and whole["model.bottleneck.is_quantizing"]

    metrics = read_metrics(RunFolder(tmp_path / "whole").metrics)
    for stream in STREAMS:
        for name in (
            *("bottleneck/commitment", "train/commitment_term", "validation/perplexity"),
            *("bitrate/nominal", "codebook/batch_perplexity", "codebook/norm_ratio"),
            *("encoder/gradient_norm_at_bottleneck", "validation/nll_increase_shuffled_codes"),
        ):
            assert f"{name}/{stream}" in metrics, name
    nominal = [metrics[f"bitrate/nominal/{stream}"][1][-1] for stream in STREAMS]
    assert nominal == pytest.approx([2 * 25, 3 * 50])
    assert metrics["bitrate/nominal"][1][-1] == pytest.approx(sum(nominal))
    assert "codebook/batch_perplexity" not in metrics, "there is no codebook of both"
    model = wavenet_ae.load(RunFolder(tmp_path / "whole").best_checkpoint)
    assert sorted(model.encode(np.ones(900, np.int16), 8000)) == ["bottom", "top"]


def test_files_of_codes_are_read_as_they_are_written(tmp_path):
    model, source = checkpoint(tmp_path), recordings(tmp_path / "in", LENGTHS)
    out, given = tmp_path / "codes", {"checkpoint": model}
    assert made(task="encode", input=source, out=out, **given) == 0
    for name, length in LENGTHS.items():
        num_hops = -(-length // 320)
        sizes = {each: np.load(out / each / name.replace("wav", "npy")).shape for each in STREAMS}
        assert sizes == {"top": (num_hops,), "bottom": (2 * num_hops,)}
    described = {stream: card(out / stream / "units.json") for stream in STREAMS}
    assert [described[each]["codebook_size"] for each in STREAMS] == [4, 8]
    assert [described[each]["code_rate_hz"] for each in STREAMS] == [25, 50]
    assert made(task="decode", codes=out, out=tmp_path / "sound", **given) == 0
    assert made(task="reconstruct", input=source, out=tmp_path / "again", **given) == 0
    for name, length in LENGTHS.items():
        sounds = [sound(tmp_path / each / name) for each in ("sound", "again")]
        assert len(sounds[0]) == -(-length // 320) * 320 and len(sounds[1]) == length
    before = (out / "top" / "ann" / "a.npy").stat().st_mtime_ns
    assert made(task="encode", input=source, out=out, **given) == 0
    assert (out / "top" / "ann" / "a.npy").stat().st_mtime_ns == before, "it is there already"
    (out / "bottom" / "ann" / "a.npy").unlink()
    with pytest.raises(UserError, match=r"top/ann/a\.npy has no codes of the stream bottom beside"):
        made(task="decode", codes=out, out=tmp_path / "other", **given)
    assert made(task="encode", input=source, out=out, **given) == 0
    assert (out / "bottom" / "ann" / "a.npy").is_file(), "one of two files is no result"


def test_tables_of_units_are_decoded_without_the_files_of_codes(tmp_path):
    model, source = checkpoint(tmp_path), recordings(tmp_path / "in", LENGTHS)
    given = {"checkpoint": model}
    assert made(task="encode", input=source, out=tmp_path / "codes", **given) == 0
    for stream in STREAMS:
        (tmp_path / "tables" / stream).mkdir(parents=True)
        for file in ("units.tsv", "units.json"):
            shutil.copy(tmp_path / "codes" / stream / file, tmp_path / "tables" / stream / file)
    for source_of_codes in ("codes", "tables"):
        out = tmp_path / f"from {source_of_codes}"
        made(task="decode", codes=tmp_path / source_of_codes, out=out, speaker="ann", **given)
    for name in LENGTHS:
        sounds = [tmp_path / f"from {each}" / name for each in ("codes", "tables")]
        assert sounds[0].read_bytes() == sounds[1].read_bytes()
    with pytest.raises(
        UserError, match=r"streams top, bottom, but .*top is not a folder: set code"
    ):
        made(task="decode", codes=tmp_path / "codes" / "top", out=tmp_path / "x", **given)


def test_a_submission_has_a_folder_for_each_stream(tmp_path):
    model, source = checkpoint(tmp_path), recordings(tmp_path / "in", LENGTHS)
    assert made(task="submission", checkpoint=model, input=source, out=tmp_path / "out") == 0
    for stream, seconds in (("top", 0.04), ("bottom", 0.02)):
        assert f"feature_size: {seconds}" in (tmp_path / "out" / stream / "params.yaml").read_text()
        assert np.load(tmp_path / "out" / stream / "ann" / "a.npy").shape[1] == 6


@pytest.fixture(scope="module")
def evaluated(cache, brief_probes, tmp_path_factory) -> EvaluationResult:
    folder = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instantiate, "plugin_packages", lambda: PLUGIN)
        return evaluate(
            EvaluationConfig(
                checkpoint=str(checkpoint(folder, "rvq")),
                data=data(cache, minutes=0.35),
                out=str(folder / "out"),
                metrics=[
                    *("receptive_fields", "likelihood", "bitrate", "reconstruction", "units"),
                    *("probing", "memory", "abx"),
                ],
                device="cpu",
                engine="reference",
                num_utterances=1,
                max_seconds=0.05,
                probe_frames=200,
                probe_seeds=1,
                smoothing=2.0,
            )
        )


@pytest.mark.slow
def test_every_part_measures_each_stream(evaluated):
    def keys(table: str, key: str) -> set[str]:
        return {str(row[key]) for row in evaluated.table(table).rows}

    systems = keys("units", "system")
    assert systems >= {"codes/top", "codes_path/top", "joint_codes/bottom", "codebook_3/bottom"}
    assert systems >= {f"kmeans_mfcc/{stream}" for stream in STREAMS}
    assert keys("boundaries", "system") >= {f"uniform/{stream}" for stream in STREAMS}
    assert keys("receptive_fields", "reads") >= {f"code_of_samples/{each}" for each in STREAMS}
    assert keys("ablations", "control") >= {f"shuffled_codes/{each}" for each in STREAMS}
    for table in ("probing", "abx"):
        assert keys(table, "representation") >= {
            f"{each}/{stream}" for each in ("vectors", "codes", "mfcc") for stream in STREAMS
        }
    assert keys("memory_span", "representation") >= {
        f"{each}/{stream}" for each in ("vectors", "codes", "present_frame") for stream in STREAMS
    }
    rows = {str(row["estimate"]): row["bits_per_second"] for row in evaluated.table("bitrate").rows}
    assert rows["nominal/top"] == pytest.approx(2 * 25)
    assert rows["nominal/bottom"] == pytest.approx(3 * 3 * 50)
    assert rows["nominal"] == pytest.approx(50 + 450)
    assert [evaluated.streams[each]["bottleneck"] for each in STREAMS] == ["VQVAEEMA", "RVQ"]


@pytest.mark.slow
def test_a_report_names_each_stream(evaluated, tmp_path):
    found = headlines(evaluated)
    assert {f"pnmi/{stream}" for stream in STREAMS} <= found.keys()
    assert {f"phone_accuracy/{stream}" for stream in STREAMS} <= found.keys()
    columns = [each.heading for each in summary([evaluated]).columns]
    assert {"PNMI, top", "R-value, bottom", "phone, from vectors, top"} <= set(columns)
    page = tmp_path / "report.html"
    write_report([Path(evaluated.command["config"]["out"])], page)
    text = page.read_text()
    for words in (
        "(VQVAEEMA, RVQ) encodes speech as a code of 4, 25 times a second and 3 codes of 8 each",
        "k-means on MFCC, bottom",
        "codes of codebook 2, bottom",
        "shuffled codes, top",
    ):
        assert words in text, words
