"""A page, read as a text: what is on it and what is not."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.report_pages import HOSTILE, SORTED, audio_files, likelihood, made

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.report.audio_players import utterances
from wavenet_ae.evaluation.report.page import load_results, write_report
from wavenet_ae.evaluation.report.prose import introduction
from wavenet_ae.evaluation.results import EvaluationResult, ResultTable


def text_of(*files: Path) -> str:
    page = files[0].parent / "report.html"
    write_report(files, page)
    return page.read_text()


def test_a_page_has_the_results_and_how_they_were_measured(tmp_path):
    text = text_of(made(tmp_path, likelihood(2.5), audio_files(tmp_path, "anna/1.wav", 200.0)))
    assert "Evaluation of a" in text and "<h2>Likelihood" in text
    assert "The NLL is 2.500 ± 0.020 nats per sample." in text
    assert "3 utterances, 1.5 minutes, 2 of speakers that the model knows" in text
    assert "wavenet-ae evaluate checkpoint=a" in text and "━━ part ━━" in text
    assert "versions torch" in text and str(tmp_path / "evaluation.json") in text
    assert "{{" not in text and "None" not in text


def test_utterances_of_recordings_that_are_trained_on_are_not_called_new():
    corpus = {
        **{"source": {}, "split": "validation", "split_utterances": 3, "split_seconds": 90.0},
        "split_utterances_of_known_speakers": 3,
    }
    model = {"name": "a", "sample_rate": 8000, "num_speakers": 1, "summary": ""}
    (_, whole) = introduction([EvaluationResult(model, corpus, {}, [])])[:2]
    assert "other parts" not in whole
    corpus["split_utterances_of_training_recordings"] = 2
    (_, cut) = introduction([EvaluationResult(model, corpus, {}, [])])[:2]
    assert "2 utterances are parts of recordings whose other parts are trained on" in cut


def test_the_same_evaluations_give_the_same_page(tmp_path):
    file = made(tmp_path, likelihood(2.5), SORTED)
    assert text_of(file) == text_of(file)


def test_audio_is_embedded_as_in_its_files(tmp_path):
    text = text_of(made(tmp_path, audio_files(tmp_path, "1.wav", 200.0)))
    embedded = [b64decode(each) for each in re.findall(r'data:audio/wav;base64,([^"]+)"', text)]
    names = ("original", "reconstructed", "lowest_voice")
    assert embedded == [
        (tmp_path / "reconstruction" / f"00-{name}.wav").read_bytes() for name in names
    ]


def test_models_on_one_page_share_sections_utterances_and_originals(tmp_path):
    files = [
        made(folder, likelihood(nats), audio_files(folder, "1.wav", pitch), name="same")
        for folder, nats, pitch in ((tmp_path / "a", 2.5, 200.0), (tmp_path / "b", 3.5, 250.0))
    ]
    text = text_of(*files)
    assert "Evaluation of 2 models" in text and "same-2" in text
    assert text.count("<h2>Likelihood") == 1
    (utterance,) = utterances(load_results(files))
    played = {name: [each.kind for each in of] for name, of in utterance.players.items()}
    kinds = ["reconstructed", "converted to the lowest voice"]
    assert played == {"same": ["original", *kinds], "same-2": kinds}


def test_evaluations_of_other_data_are_noted(tmp_path):
    files = [made(tmp_path / "a"), made(tmp_path / "b")]
    assert "The data is not the same" not in text_of(*files)
    content = files[1].read_text()
    files[1].write_text(content.replace('"split_utterances": 3', '"split_utterances": 4'))
    assert "The data is not the same" in text_of(*files)


def test_names_are_shown_and_never_run(tmp_path):
    audio = audio_files(tmp_path, HOSTILE, 200.0)
    table = replace(SORTED, id=HOSTILE, keys=[], notes=[HOSTILE], rows=[{HOSTILE: HOSTILE}])
    text = text_of(made(tmp_path, audio, table, name=HOSTILE, summary=HOSTILE))
    assert text.count("<script>") == 1 and "<img" not in text
    assert "&lt;/script&gt;&lt;script&gt;" in text


@pytest.mark.parametrize("file", ["../secret.wav", "reconstruction/gone.wav", "evaluation.json"])
def test_only_audio_of_the_evaluation_is_embedded(file, tmp_path):
    (tmp_path / "secret.wav").write_bytes(b"secret")
    folder = tmp_path / "out"
    found = audio_files(folder, "1.wav", 200.0)
    found = replace(found, rows=[{**found.rows[0], "file": file}])
    text = text_of(made(folder, found))
    assert "data:audio" not in text and b64encode(b"secret").decode() not in text
    assert "The file is missing." in text


def test_a_model_without_codes_has_a_page(tmp_path):
    assert "it has no codes" in text_of(made(tmp_path, likelihood(2.5), codes={}))


def test_a_file_that_is_not_an_evaluation_leaves_no_page(tmp_path):
    (tmp_path / "evaluation.json").write_text("[]")
    with pytest.raises(UserError, match="is not an evaluation"):
        text_of(tmp_path / "evaluation.json")
    assert not (tmp_path / "report.html").exists()


def test_skipped_parts_are_named_with_the_reason(tmp_path):
    file = made(tmp_path, likelihood(2.5))
    EvaluationResult.load(file).without_part("abx", "no_labels").save(tmp_path)
    assert "Skipped abx: no recording has labels." in text_of(file)


def test_a_table_without_words_is_shown_by_its_ids(tmp_path):
    own = ResultTable("pause_lengths", ["system"], [{"system": "codes", "mean_pause_ms": 3.0}])
    text = text_of(made(tmp_path, own))
    assert "<h2>pause lengths</h2>" in text and "mean pause ms" in text


@pytest.mark.parametrize(
    ("group", "values", "problem"),
    [
        ("corpus", {}, "corpus: fingerprint is missing"),
        ("corpus", {"split_seconds": "90"}, "corpus: split_seconds is '90'"),
        ("corpus", {"source": 5}, "corpus: source is 5"),
        ("model", {"num_speakers": -1}, "model: num_speakers is -1"),
        ("model", {"streams": 5}, "model: streams is 5"),
        ("model", {"streams": {"top": 5}}, "model top: 5, where bottleneck"),
        ("model", {"codebook_size": "8"}, "model codes: codebook_size is '8'"),
        ("skipped", {"units": [1]}, r"skipped.units is \[1\]"),
    ],
)
def test_an_evaluation_that_lacks_what_the_page_says_is_named(tmp_path, group, values, problem):
    file = made(tmp_path, likelihood(2.5))
    content = json.loads(file.read_text())
    content[group] = {**content[group], **values} if values else {}
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"{file}: {problem}"):
        load_results([file])
