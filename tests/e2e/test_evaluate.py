"""evaluate.py as a user runs it."""

from __future__ import annotations

import json
from math import log2
from pathlib import Path

import pytest
from helpers.commands import run
from helpers.configs import TINY, TINY_CODES
from helpers.runs import trained

from wavenet_ae.evaluation.config import PARTS
from wavenet_ae.runs import RunFolder

pytestmark = pytest.mark.slow
QUICK = ["sounds=2", "seconds=0.3", "probe_frames=400", "probe_seeds=1"]


@pytest.fixture(scope="module")
def checkpoint(cache, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated") / "run"
    settings = [*TINY, *TINY_CODES, "data.source.minutes=1.5"]
    return RunFolder(trained(folder, cache, *settings)).best_checkpoint


def evaluated(checkpoint: Path, cache: Path, out: Path, *settings: str) -> tuple[str, dict]:
    arguments = [f"checkpoint={checkpoint}", f"out={out}", *QUICK, *settings]
    code, output = run("evaluate.py", *arguments, cache=cache)
    assert code == 0, output
    return output, json.loads((out / "evaluation.json").read_text())


def rows(content: dict, part: str) -> list[dict]:
    (found,) = [each for each in content["findings"] if each["part"] == part]
    return found["rows"]


def test_all_that_there_is_to_say(checkpoint, cache, tmp_path):
    output, content = evaluated(checkpoint, cache, tmp_path)
    parts = [each["part"] for each in content["findings"]]
    assert set(PARTS) <= set(parts) and {"boundaries", "each_sound"} <= set(parts)
    assert all(row["agree"] == "yes" for row in rows(content, "certificates"))
    nll, interior, *controls = rows(content, "likelihood")
    assert 0 < nll["nats_per_sample"] < 5.6 and nll["nats_per_sample_error"] > 0
    assert interior["num_samples"] < nll["num_samples"]
    assert nll["num_samples"] == round(content["corpus"]["split_seconds"] * 8000)
    assert [row["figure"][:9] for row in controls] == ["more with"] * 3
    rates = {row["rate"]: row["bits_per_second"] for row in rows(content, "bitrate")}
    assert rates["nominal"] == pytest.approx(50 * log2(8)) and rates["unigram"] <= 150
    assert {row["units"] for row in rows(content, "units")} == {"codes", "k-means on MFCC"}
    probed = rows(content, "probes")
    assert {"latents", "vectors", "codes", "mfcc", "log_mel", "random_encoder"} == {
        row["representation"] for row in probed
    }
    assert all(0 <= row["accuracy"] <= 1 for row in probed)
    compared = {row["representation"] for row in rows(content, "abx")}
    assert compared == {row["representation"] for row in probed}
    for row in rows(content, "each_sound"):
        assert (tmp_path / row["file"]).is_file()
    assert "What units say of phones" in output and "written:" in output
    assert content["model"]["bottleneck"] == "VQVAEEMA" and "versions" in content["command"]


@pytest.mark.gpu
def test_all_of_it_on_a_gpu(checkpoint, cache, tmp_path):
    _, content = evaluated(checkpoint, cache, tmp_path, "device=cuda")
    assert set(PARTS) <= {each["part"] for each in content["findings"]}


def test_other_recordings_and_some_parts(checkpoint, cache, tmp_path):
    recordings = tmp_path / "recordings" / "anna"
    recordings.mkdir(parents=True)
    toy = sorted((cache / "toy").glob("**/*.wav"))[:3]
    for each in toy:
        (recordings / each.name).write_bytes(each.read_bytes())
    asked = ["data=folder", f"data.root={recordings.parent}", "parts=[likelihood]"]
    _, content = evaluated(checkpoint, cache, tmp_path / "out", *asked)
    assert [each["part"] for each in content["findings"]] == ["likelihood"]
    assert content["corpus"]["num_utterances"] == content["corpus"]["split_utterances"] == 3
    assert content["corpus"]["split_utterances_of_known_speakers"] == 0
    speaker = rows(content, "likelihood")[-1]
    assert speaker["num_samples"] == 0 and speaker["nats_per_sample"] is None


def test_moved_recordings_are_named_on_the_command_line(checkpoint, cache, tmp_path):
    assert checkpoint.is_file()  # its recordings are in the cache
    recordings = tmp_path / "recordings" / "anna"
    recordings.mkdir(parents=True)
    for each in sorted((cache / "toy").glob("**/*.wav"))[:6]:
        (recordings / each.name).write_bytes(each.read_bytes())
    own = [each for each in TINY if not each.startswith("data.source")]
    own += ["data=folder", f"data.root={recordings.parent}", "data.splits.validation=0.5"]
    folder = trained(tmp_path / "run", cache, *own, "bottleneck=ae")
    of_moved = RunFolder(folder).best_checkpoint
    recordings.parent.rename(tmp_path / "moved")
    asked = [f"checkpoint={of_moved}", "parts=bitrate"]
    code, output = run("evaluate.py", *asked, cache=cache)
    assert code == 1 and "give +data.root=<where it is now>" in output, output
    moved = f"+data.root={tmp_path / 'moved'}"
    _, content = evaluated(of_moved, cache, tmp_path / "out", "parts=bitrate", moved)
    assert content["corpus"]["split"] == "validation"
    assert 0 < content["corpus"]["split_utterances"] < content["corpus"]["num_utterances"] == 6


def test_without_labels_units_are_left_out_aloud(checkpoint, cache, tmp_path):
    some = [*("split=all", "suffix=.wrd", "parts=[]", "probe_frames=200")]
    output, content = evaluated(checkpoint, cache, tmp_path, *some)
    assert "no recording has labels" in output
    assert "units" not in {each["part"] for each in content["findings"]}
    assert "abx" not in {each["part"] for each in content["findings"]}
    tasks = {row["task"] for row in rows(content, "probes")}
    assert tasks == {"speaker of a frame", "speaker of an utterance"}
    asked = [f"checkpoint={checkpoint}", f"out={tmp_path}", "suffix=.wrd", "parts=[units]"]
    code, output = run("evaluate.py", *asked, cache=cache)
    assert code == 1 and "parts has units, but no recording has labels" in output


def test_a_model_without_codes(language_model, cache, tmp_path):
    checkpoint = RunFolder(language_model).best_checkpoint
    _, content = evaluated(checkpoint, cache, tmp_path / "out")
    assert [each["part"] for each in content["findings"]] == ["certificates", "likelihood"]
    asked = [f"checkpoint={checkpoint}", "parts=[sounds]"]
    code, output = run("evaluate.py", *asked, cache=cache)
    assert code == 1 and "parts has sounds, but this model has no codes" in output


def test_mistakes_end_before_any_work(checkpoint, cache):
    for argument, said in (
        ("split=test", "split is 'test', but it has no utterances (train: "),
        ("engine=cuda_graph", "engine=cuda_graph needs a model on a CUDA device"),
        ("mapping=timit40", "there is no mapping of labels 'timit40'"),
        ("labels=nowhere", "labels at nowhere: give 'beside'"),
    ):
        code, output = run("evaluate.py", f"checkpoint={checkpoint}", argument, cache=cache)
        assert code == 1 and said in output, output
        assert "likelihood:" not in output, "nothing was measured"
