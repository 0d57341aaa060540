"""The export of units and vectors for ABX, and the scores of codes with known answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from wavenet_ae.errors import UserError
from wavenet_ae.labels import Item, read_item_file
from wavenet_ae.metrics import fastabx_scores
from wavenet_ae.metrics.abx import AbxExport, AbxExporter, AbxSettings
from wavenet_ae.metrics.abx_scores import AbxResult, AbxScore, score

HEADER = "#file onset offset #phone prev-phone next-phone speaker\n"
SPEAKERS, PHONES = ("ann", "bob", "cat"), ("a", "i", "u")
needs_fastabx = pytest.mark.skipif(not fastabx_scores.can_run(), reason="fastabx is not installed")


def items_of(folder: Path, text: str) -> list[Item]:
    path = folder / "a.item"
    path.write_text(HEADER + text)
    return read_item_file(path)


def exporter(folder: Path, items: list[Item], **settings) -> AbxExporter:
    given = {"distance": "identical"} | settings
    return AbxExporter(folder / "abx", items, AbxSettings(**given))


TWO = "ann/x 0.10 0.2 a sil i ann\nbob/y 0.1 0.2 a sil i bob\nann/x 0.2 0.205 i a sil ann\n"


def test_what_is_written_is_what_fastabx_reads(tmp_path):
    export = exporter(tmp_path, items_of(tmp_path, TWO))
    export.add("ann/x", np.array([7, 7, 3]), np.array([0.11, 0.15, 0.1911111111]))
    export.add("cat/z", np.array([1]), np.array([0.1]))  # no item is of it
    folder = tmp_path / "abx"
    assert export.finish() == AbxExport(
        folder, num_items=1, num_recordings=1, num_elsewhere=1, num_empty=1
    )
    assert (folder / "phones.item").read_text() == (
        HEADER + "ann/x 0.100000 0.200000 a sil i ann\n"
    )
    features = torch.load(folder / "features" / "ann" / "x.pt")
    times = torch.load(folder / "times" / "ann" / "x.pt")
    assert features.dtype == torch.int64 and features.tolist() == [[0], [0], [1]]
    assert times.dtype == torch.float64 and times.tolist() == [0.11, 0.15, 0.191111]
    assert not list(folder.rglob("z.pt"))
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["distance"] == "identical" and settings["num_empty"] == 1
    assert settings["contexts"] == ["within", "any"] and settings["seed"] == 0


def test_a_code_on_either_end_of_an_item_is_in_it(tmp_path):
    items = items_of(tmp_path, "x 0.1 0.2 a b c s\nx 0.3 0.4 a b c s\nx 0.41 0.42 a b c s\n")
    export = exporter(tmp_path, items)
    export.add("x", np.zeros(2, int), np.array([1600, 6400]) / 16_000)
    assert export.finish().num_items == 2


def test_vectors_are_float32_and_equal_rows_of_codes_one_unit_in_all_recordings(tmp_path):
    items = items_of(tmp_path, "x 0 1 a b c s\ny 0 1 a b c s\n")
    vectors = exporter(tmp_path, items, distance="angular")
    vectors.add("x", np.ones((2, 3)), np.array([0.1, 0.2]))
    loaded = torch.load(tmp_path / "abx" / "features" / "x.pt")
    assert loaded.dtype == torch.float32 and loaded.shape == (2, 3)
    books = exporter(tmp_path, items)
    books.add("x", np.array([[1, 2], [1, 3]]), np.array([0.1, 0.2]))
    books.add("y", np.array([[1, 3], [2, 1]]), np.array([0.1, 0.2]))
    units = [torch.load(tmp_path / "abx" / "features" / f"{name}.pt") for name in "xy"]
    assert [each.flatten().tolist() for each in units] == [[0, 1], [1, 2]]


def test_an_export_that_is_begun_again_is_not_complete(tmp_path):
    items = items_of(tmp_path, "x 0 1 a b c s\n")
    export = exporter(tmp_path, items)
    export.add("x", np.zeros(1, int), np.array([0.5]))
    export.finish()
    exporter(tmp_path, items)
    with pytest.raises(UserError, match=r"abx has no phones\.item"):
        score(tmp_path / "abx")


def test_errors_name_what_is_wrong(tmp_path):
    (tmp_path / "b.item").write_text("#file onset offset #phone\nx 0 1 a\n")
    with pytest.raises(UserError, match=r"b\.item, line 2: no column prev-phone, next-phone, sp"):
        exporter(tmp_path, read_item_file(tmp_path / "b.item"))
    export = exporter(tmp_path, items_of(tmp_path, "../x 0 1 a b c s\n"))
    with pytest.raises(UserError, match=r"no item .* \(\.\./x, \.\.\.\) name them"):
        export.finish()
    with pytest.raises(UserError, match=r"'\.\./x': use a path below"):
        export.add("../x", np.zeros(1, int), np.array([0.5]))


@pytest.mark.skipif(fastabx_scores.can_run(), reason="fastabx is installed")
def test_without_fastabx_the_check_by_it_says_how_to_install_it(tmp_path):
    exported(tmp_path, one_hot(lambda phone, speaker: phone), "angular")
    module = [sys.executable, "-m", "wavenet_ae.metrics.fastabx_scores", str(tmp_path / "abx")]
    ran = subprocess.run(module, capture_output=True, text=True)
    assert ran.returncode == 1 and "pip install '.[abx]'" in ran.stderr


def one_hot(number):
    """(5, 9) vectors of a phone that lasts five codes: of `number` of it and its speaker."""
    return lambda phone, speaker: np.tile(np.eye(9)[number(phone, speaker)], (5, 1))


def unit(number):
    return lambda phone, speaker: np.full(5, number(phone, speaker))


def exported(folder: Path, features, distance: str, **settings) -> None:
    """Exports four instances of each of three phones by three speakers, with equal neighbors."""
    instances = [(phone, turn) for turn in range(4) for phone in range(len(PHONES))]
    text = "".join(
        f"{speaker}/x {0.1 * place:.4f} {0.1 * place + 0.099:.4f} {PHONES[phone]} b b {speaker}\n"
        for speaker in SPEAKERS
        for place, (phone, _) in enumerate(instances)
    )
    export = exporter(folder, items_of(folder, text), distance=distance, **settings)
    for row, speaker in enumerate(SPEAKERS):
        pieces = [features(phone, row) for phone, _ in instances]
        export.add(f"{speaker}/x", np.concatenate(pieces), 0.01 + 0.02 * np.arange(60))
    export.finish()


def error_rates(folder: Path, features, distance: str) -> dict[tuple[str, str], float | None]:
    exported(folder, features, distance)
    scores = score(folder / "abx").scores
    return {(each.context, each.speaker): each.error_rate for each in scores}


ALL = [(context, speaker) for context in ("within", "any") for speaker in ("within", "across")]


@pytest.mark.parametrize(("kind", "distance"), [(one_hot, "angular"), (unit, "identical")])
def test_codes_that_are_the_phones_make_no_error(tmp_path, kind, distance):
    rates = error_rates(tmp_path, kind(lambda phone, speaker: phone), distance)
    assert rates == pytest.approx(dict.fromkeys(ALL, 0))


@pytest.mark.parametrize(("kind", "distance"), [(one_hot, "angular"), (unit, "identical")])
def test_codes_that_are_the_speakers_are_at_chance_exactly(tmp_path, kind, distance):
    rates = error_rates(tmp_path, kind(lambda phone, speaker: speaker), distance)
    assert rates == pytest.approx(dict.fromkeys(ALL, 0.5))


def test_codes_of_one_speaker_each_discriminate_phones_within_speakers_only(tmp_path):
    rates = error_rates(tmp_path, unit(lambda phone, speaker: 3 * speaker + phone), "identical")
    for context in ("within", "any"):
        assert (rates[context, "within"], rates[context, "across"]) == pytest.approx((0, 0.5))


def test_random_codes_are_at_chance(tmp_path):
    rng = np.random.default_rng(0)
    rates = error_rates(tmp_path, lambda phone, speaker: rng.standard_normal((5, 16)), "angular")
    assert rates == pytest.approx(dict.fromkeys(ALL, 0.5), abs=0.1)


def test_scores_are_written_with_every_setting(tmp_path):
    exported(tmp_path, unit(lambda phone, speaker: phone), "identical")
    result = score(tmp_path / "abx")
    saved = json.loads((tmp_path / "abx" / "scores.json").read_text())
    assert saved["settings"]["max_size_group"] == 10 and saved["settings"]["max_x_across"] == 5
    assert saved["settings"]["num_items"] == 36
    assert AbxResult([AbxScore(**each) for each in saved["scores"]], saved["settings"]) == result
    assert result.scores[0].num_cells == 18


def test_the_command_scores_folders(tmp_path):
    exported(tmp_path, unit(lambda phone, speaker: phone), "identical")
    module = [sys.executable, "-m", "wavenet_ae.metrics.abx_scores", str(tmp_path / "abx")]
    subprocess.run(module, check=True)
    assert (
        json.loads((tmp_path / "abx" / "scores.json").read_text())["scores"][0]["num_cells"] == 18
    )


@needs_fastabx
def test_scores_are_those_of_fastabx(tmp_path):
    rng = np.random.default_rng(0)
    exported(tmp_path, lambda phone, speaker: rng.standard_normal((5, 4)) + phone, "angular")
    module = [sys.executable, "-m", "wavenet_ae.metrics.fastabx_scores", str(tmp_path / "abx")]
    subprocess.run(module, check=True)
    reference = json.loads((tmp_path / "abx" / "fastabx_scores.json").read_text())["scores"]
    for own, other in zip(score(tmp_path / "abx").scores, reference, strict=True):
        assert own.error_rate == pytest.approx(other["error_rate"], abs=1e-6)
        assert own.num_cells == other["num_cells"]


def test_scores_are_the_same_each_time(tmp_path):
    """Also those across speakers, for which some of the speakers are chosen."""
    rng = np.random.default_rng(0)
    exported(tmp_path, lambda phone, speaker: rng.integers(0, 4, 5), "identical", max_x_across=2)
    assert score(tmp_path / "abx") == score(tmp_path / "abx")


def test_vectors_that_are_not_finite_are_refused(tmp_path):
    exported(tmp_path, lambda phone, speaker: np.full((5, 2), np.nan), "angular")
    with pytest.raises(UserError, match=r"abx/features: vectors are NaN or infinite"):
        score(tmp_path / "abx")


def test_one_speaker_has_no_triples_across(tmp_path):
    items = items_of(tmp_path, "".join(f"x {t}.0 {t}.9 {p} b b s\n" for t, p in enumerate("aaii")))
    export = exporter(tmp_path, items)
    export.add("x", np.arange(4), np.arange(4) + 0.5)
    export.finish()
    scores = {(each.context, each.speaker): each for each in score(tmp_path / "abx").scores}
    assert scores["any", "across"].error_rate is None and scores["any", "across"].num_cells == 0
    assert scores["any", "within"].error_rate is not None
