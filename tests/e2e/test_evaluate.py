"""evaluate.py as a user runs it."""

from __future__ import annotations

from math import log2
from pathlib import Path

import pytest
from helpers.commands import run
from helpers.configs import TINY, TINY_CODES
from helpers.runs import trained

from wavenet_ae.evaluation.parts import part_ids
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.metrics.pretrained import missing_packages
from wavenet_ae.runs import RunFolder

pytestmark = pytest.mark.slow
QUICK = ["num_utterances=2", "max_seconds=0.3", "probe_frames=400", "probe_seeds=1"]

NOT_INSTALLED = {"intelligibility": "no_pretrained"} if missing_packages() else {}


@pytest.fixture(scope="module")
def checkpoint(cache, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated") / "run"
    settings = [*TINY, *TINY_CODES, "data.source.minutes=1.5"]
    return RunFolder(trained(folder, cache, *settings)).best_checkpoint


def evaluated(
    checkpoint: Path, cache: Path, out: Path, *settings: str
) -> tuple[str, EvaluationResult]:
    arguments = [f"checkpoint={checkpoint}", f"out={out}", *QUICK, *settings]
    code, output = run("evaluate.py", *arguments, cache=cache)
    assert code == 0, output
    return output, EvaluationResult.load(out)


def ids(result: EvaluationResult) -> set[str]:
    return {each.id for each in result.tables}


def parts(result: EvaluationResult) -> set[str]:
    return {each.part for each in result.tables}


def cells(result: EvaluationResult, metric: str) -> list:
    """A column."""
    id, _, column = metric.partition(".")
    table = result.table(id)
    assert table is not None, id
    return [row[column] for row in table.rows]


def test_everything_is_measured(checkpoint, cache, tmp_path):
    output, result = evaluated(checkpoint, cache, tmp_path)
    assert parts(result) == set(part_ids()) - NOT_INSTALLED.keys()
    assert result.skipped == NOT_INSTALLED
    assert all(cells(result, "receptive_fields.agrees"))
    nll = result.estimate("likelihood.nll", samples="all")
    assert nll is not None and 0 < nll.value < 5.6 and nll.error > 0
    all_samples, interior = cells(result, "likelihood.num_samples")
    assert interior < all_samples == round(result.corpus["split_seconds"] * 8000)
    controls = ["shuffled_codes", "zeroed_codes", "other_speaker"]
    assert cells(result, "ablations.control") == controls
    rates = {
        estimate: result.value("bitrate.bits_per_second", estimate=estimate)
        for estimate in ("nominal", "unigram")
    }
    assert rates["nominal"] == pytest.approx(50 * log2(8)) and rates["unigram"] <= 150
    baselines = ["", "_utterance", "_speaker", "_averaged"]
    assert cells(result, "units.system") == [
        *("codes", "codes_path"),
        *(f"kmeans_mfcc{each}" for each in baselines),
        *("kmeans_random_encoder", "kmeans_mfcc_averaged_path"),
    ]
    assert set(cells(result, "contingency.system")) == {"codes", "kmeans_mfcc"}
    probed = set(cells(result, "probing.representation"))
    assert probed == {"latents", "vectors", "codes", "mfcc", "log_mel", "random_encoder"}
    assert all(0 <= each <= 1 for each in cells(result, "probing.accuracy"))
    assert set(cells(result, "abx.representation")) == probed
    for file in cells(result, "reconstruction_files.file"):
        assert (tmp_path / file).is_file()
    assert "Units vs. phones" in output and "written:" in output
    assert result.model["bottleneck"] == "VQVAEEMA" and "versions" in result.command


@pytest.mark.gpu
def test_everything_is_measured_on_a_gpu(checkpoint, cache, tmp_path):
    _, result = evaluated(checkpoint, cache, tmp_path, "device=cuda")
    assert parts(result) == set(part_ids())


def test_other_recordings_and_some_parts(checkpoint, cache, tmp_path):
    recordings = tmp_path / "recordings" / "anna"
    recordings.mkdir(parents=True)
    toy = sorted((cache / "toy").glob("**/*.wav"))[:3]
    for each in toy:
        (recordings / each.name).write_bytes(each.read_bytes())
    asked = ["data=folder", f"data.root={recordings.parent}", "metrics=[likelihood]"]
    _, result = evaluated(checkpoint, cache, tmp_path / "out", *asked)
    assert ids(result) == {"likelihood", "ablations"}
    assert result.corpus["num_utterances"] == result.corpus["split_utterances"] == 3
    assert result.corpus["split_utterances_of_known_speakers"] == 0
    assert result.value("ablations.num_samples", control="other_speaker") == 0
    assert result.value("ablations.nll_increase", control="other_speaker") is None


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
    asked = [f"checkpoint={of_moved}", "metrics=bitrate"]
    code, output = run("evaluate.py", *asked, cache=cache)
    assert code == 1 and "set +data.root=<where it is now>" in output, output
    moved = f"+data.root={tmp_path / 'moved'}"
    _, result = evaluated(of_moved, cache, tmp_path / "out", "metrics=bitrate", moved)
    assert result.corpus["split"] == "validation"
    assert 0 < result.corpus["split_utterances"] < result.corpus["num_utterances"] == 6


def test_without_labels_units_are_skipped_with_the_reason(checkpoint, cache, tmp_path):
    some = [*("split=all", "suffix=.wrd", "metrics=[]", "probe_frames=200")]
    output, result = evaluated(checkpoint, cache, tmp_path, *some)
    assert "Skipped units, abx: no recording has labels." in output
    assert result.skipped == {"units": "no_labels", "abx": "no_labels"} | NOT_INSTALLED
    assert not {"units", "abx"} & parts(result)
    assert set(cells(result, "probing.task")) == {"speaker_of_frame", "speaker_of_utterance"}
    asked = [f"checkpoint={checkpoint}", f"out={tmp_path}", "suffix=.wrd", "metrics=[units]"]
    code, output = run("evaluate.py", *asked, cache=cache)
    assert code == 1 and "metrics has units, but no recording has labels" in output


def test_a_model_without_codes(language_model, cache, tmp_path):
    checkpoint = RunFolder(language_model).best_checkpoint
    _, result = evaluated(checkpoint, cache, tmp_path / "out")
    assert parts(result) == {"receptive_fields", "likelihood"}
    assert set(result.skipped.values()) == {"no_codes"}
    asked = [f"checkpoint={checkpoint}", "metrics=[reconstruction]"]
    code, output = run("evaluate.py", *asked, cache=cache)
    assert code == 1 and "metrics has reconstruction, but the model has no codes" in output


def test_mistakes_end_before_any_work(checkpoint, cache):
    for argument, said in (
        ("split=test", "split is 'test', but it has no utterances (train: "),
        ("engine=cuda_graph", "engine=cuda_graph cannot be used: it needs a CUDA device"),
        ("mapping=timit40", "there is no mapping of labels 'timit40'"),
        ("labels=nowhere", "labels at nowhere: use 'beside'"),
    ):
        code, output = run("evaluate.py", f"checkpoint={checkpoint}", argument, cache=cache)
        assert code == 1 and said in output, output
        assert "likelihood:" not in output, "nothing was measured"
