"""What ABX compares: phones between their neighbors, from segments or from an .item file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from wavenet_ae.evaluation.abx_items import choose_items, items_of
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.labeled_corpus import LabeledCorpus
from wavenet_ae.labels import Segments, label_source


def segments(*rows: tuple[float, float, str | None]) -> Segments:
    begins, ends, labels = zip(*rows, strict=True)
    return Segments(np.array(begins), np.array(ends), labels, Path("a.phn"))


SEGMENTS = segments(
    (0.0, 0.1, "h#"),
    (0.1, 0.2, "s"),
    (0.2, 0.25, "ih"),
    (0.25, 0.3, None),
    (0.3, 0.4, "k"),
    (0.5, 0.6, "s"),
)


def phones(items) -> list[str]:
    columns = ("#phone", "prev-phone", "next-phone")
    return ["/".join(item.fields[column] for column in columns) for item in items]


def test_phones_have_their_adjacent_neighbors():
    items = items_of(SEGMENTS, "ann/1.wav", "ann")
    assert phones(items) == ["s/SIL/ih", "ih/s/SIL", "k/SIL/SIL", "s/SIL/SIL"]
    assert items[1].fields == {
        "#file": "ann/1.wav",
        "onset": "0.200000",
        "offset": "0.250000",
        "#phone": "ih",
        "prev-phone": "s",
        "next-phone": "SIL",
        "speaker": "ann",
    }


def labeled(keys: list[str], each: list[Segments]) -> LabeledCorpus:
    speakers = sorted({key.split("/")[0] for key in keys})
    corpus = SimpleNamespace(
        keys=keys,
        recordings=keys,
        speakers=speakers,
        speaker=[speakers.index(key.split("/")[0]) for key in keys],
    )
    return LabeledCorpus(corpus, list(range(len(keys))), each, ["ih", "k", "s"], 0)  # type: ignore[arg-type]


def test_what_would_break_a_file_of_columns_is_escaped():
    odd = segments((0.0, 0.1, 'a"b'), (0.1, 0.2, "c d"))
    found = choose_items(labeled(["ann lee/../my 1.wav"], [odd]), EvaluationConfig())
    assert found.names == {0: "ann%20lee/%2E%2E/my%201.wav"} and not found.are_given
    assert phones(found.items) == ["a%22b/SIL/c%20d", "c%20d/a%22b/SIL"]
    assert found.items[0].fields["speaker"] == "ann%20lee"


def test_whole_utterances_are_chosen_up_to_max_abx_items():
    of_six = labeled([f"ann/{n}.wav" for n in range(5)], [SEGMENTS] * 5)
    found = choose_items(of_six, EvaluationConfig(max_abx_items=13))
    assert len(found.names) == 2 and found.num_left == 3 and len(found.items) == 2 * 4
    assert {item.file for item in found.items} == set(found.names.values())
    others = choose_items(of_six, EvaluationConfig(max_abx_items=13, seed=2)).names
    assert others != found.names, "the seed chooses"
    assert len(choose_items(of_six, EvaluationConfig(max_abx_items=1)).names) == 1


HEADER = "#file onset offset #phone prev-phone next-phone speaker\n"


@pytest.fixture
def item_file(tmp_path) -> Path:
    file = tmp_path / "phones.item"
    file.write_text(f"{HEADER}1 0.1 0.2 s SIL ih ann\n1 0.2 0.25 ih s SIL ann\n2 0 1 k a b bob\n")
    return file


def of_file(file: Path) -> LabeledCorpus:
    source = label_source(str(file), ".phn", "")
    keys = ["ann/1.wav", "bob/2.wav"]
    return labeled(keys, [source.of(key, Path(key)) for key in keys])  # type: ignore[misc]


def test_items_of_a_file_are_taken_as_they_are(item_file):
    found = choose_items(of_file(item_file), EvaluationConfig(labels=str(item_file)))
    assert found.are_given and found.names == {0: "1", 1: "2"}
    assert phones(found.items) == ["s/SIL/ih", "ih/s/SIL", "k/a/b"]


def test_without_its_columns_or_with_a_mapping_they_are_made(item_file, tmp_path):
    mapped = EvaluationConfig(labels=str(item_file), mapping="timit39")
    assert not choose_items(of_file(item_file), mapped).are_given
    bare = tmp_path / "bare.item"
    bare.write_text("#file onset offset #phone\n1 0.1 0.2 s\n2 0 1 k\n")
    found = choose_items(of_file(bare), EvaluationConfig(labels=str(bare)))
    assert not found.are_given and phones(found.items) == ["s/SIL/SIL", "k/SIL/SIL"]
    assert [item.fields["speaker"] for item in found.items] == ["ann", "bob"]
