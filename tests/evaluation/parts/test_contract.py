"""What holds for every part of an evaluation; a new file in evaluation/parts/ is tested as well."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import torch
from helpers.evaluated import data
from helpers.small_models import checkpoint

from wavenet_ae.evaluation import parts as folder_of_parts
from wavenet_ae.evaluation.config import EvaluationConfig, check_config
from wavenet_ae.evaluation.contingency import LABEL
from wavenet_ae.evaluation.dataset import open_dataset
from wavenet_ae.evaluation.evaluator import evaluate
from wavenet_ae.evaluation.part import Context, Need, Part, environment_lacks, find_parts
from wavenet_ae.evaluation.parts import part_ids
from wavenet_ae.evaluation.report.table_words import TABLES
from wavenet_ae.evaluation.report.words import REASONS
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.loading import load
from wavenet_ae.progress import Progress

pytestmark = pytest.mark.usefixtures("brief_probes")
PARTS = find_parts()
ID = re.compile(r"[a-z][a-z0-9_]*")
QUICK = {"num_utterances": 1, "max_seconds": 0.05, "probe_frames": 200, "probe_seeds": 1}
# Cells of these key columns are names of the user's, not ids.
NAMES = {"utterance"}


def config_of(folder: Path, cache: Path, *, codes: bool, labels: bool, **more) -> EvaluationConfig:
    """On a corpus of which no recording has labels of the kind that is asked for, if need be."""
    file = checkpoint(folder, "vqvae" if codes else "wavenet")
    return check_config(
        {
            **QUICK,
            "checkpoint": str(file),
            "data": data(cache, minutes=0.35),
            "out": str(folder / "out"),
            "suffix": ".phn" if labels else ".wrd",
            "engine": "reference",
            "device": "cpu",
            **more,
        }
    )


def measured(part: Part, folder: Path, cache: Path) -> EvaluationResult:
    """With the least that the part's needs ask for."""
    config = config_of(folder, cache, codes="codes" in part.needs, labels="labels" in part.needs)
    model = load(config.file)
    context = Context(model, open_dataset(model, config), config, config.destination)
    assert bool(context.labeled.rows) == ("labels" in part.needs)
    described = {"name": "a", "checkpoint": str(config.file), "fingerprint": "f00"}
    result = EvaluationResult(described, {}, {})
    for each in find_parts([part.id]):  # the parts that it reads come first
        with Progress(each.id) as progress:
            result = result.with_part(each.id, list(each.run(context, progress)))
        result.save(config.destination)
    return result


@pytest.fixture(scope="module", params=PARTS, ids=lambda part: part.id)
def found(request, cache, brief_probes, tmp_path_factory) -> EvaluationResult:
    if lacking := request.param.needs & environment_lacks():
        pytest.skip(f"{request.param.id} needs {', '.join(lacking)}, which is not installed")
    torch.manual_seed(0)
    return measured(request.param, tmp_path_factory.mktemp(request.param.id), cache)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_ids_are_the_names_of_files_and_orders_are_unique():
    assert {part.id for part in PARTS} == set(part_ids())
    assert len({part.order for part in PARTS}) == len(PARTS)
    for part in PARTS:
        assert set(part.needs | part.uses) <= set(get_args(Need))
        assert {f"no_{need}" for need in part.needs} <= set(REASONS)


def test_needs_are_sufficient_and_something_is_measured(found):
    assert found.tables and all(table.rows for table in found.tables)
    assert len({table.id for table in found.tables}) == len(found.tables)


def test_what_is_measured_is_saved_and_loaded(found, tmp_path):
    found.save(tmp_path)
    assert EvaluationResult.load(tmp_path) == found


def test_keys_are_unique_among_rows(found):
    for table in found.tables:
        keys = [tuple(row[key] for key in table.keys) for row in table.rows]
        assert not table.keys or len(set(keys)) == len(keys), table.id


def test_tables_columns_and_cells_have_ids(found):
    for table in found.tables:
        ids = [table.id, *table.notes, *table.metadata]
        ids += [each for each in table.columns if not each.startswith(LABEL)]
        for key in set(table.keys) - NAMES:
            ids += [row[key] for row in table.rows if isinstance(row[key], str)]
        assert [each for each in ids if not ID.fullmatch(each)] == []


def test_tables_have_words(found):
    assert {table.id for table in found.tables} <= TABLES.keys()


@pytest.mark.parametrize(("codes", "labels"), [(False, True), (True, False)])
def test_parts_that_lack_what_they_need_are_skipped_with_the_reason(codes, labels, cache, tmp_path):
    lacking = {"codes"} if not codes else {"labels"}
    result = evaluate(config_of(tmp_path, cache, codes=codes, labels=labels))
    lacking |= environment_lacks()
    assert result.skipped == {
        part.id: f"no_{min(part.needs & lacking)}" for part in PARTS if part.needs & lacking
    }
    assert {table.part for table in result.tables} == set(part_ids()) - result.skipped.keys()
    assert EvaluationResult.load(tmp_path / "out") == result


@pytest.mark.slow
def test_every_part_measures_a_model_that_centers_recordings_on_their_means(cache, tmp_path):
    file = checkpoint(tmp_path, "vqvae", encoder="units")
    config = config_of(tmp_path, cache, codes=True, labels=True, checkpoint=str(file))
    result = evaluate(config)
    not_installed = {part.id for part in PARTS if part.needs & environment_lacks()}
    assert set(result.skipped) == not_installed
    assert {table.part for table in result.tables} == set(part_ids()) - not_installed
    fields = result.table("receptive_fields")
    assert all(row["agrees"] for row in fields.rows), "one mean, whatever the samples are"


NEW_PART = """
from wavenet_ae.evaluation.part import Part
from wavenet_ae.evaluation.results import ResultTable


def evaluate_speakers(context, progress):
    yield ResultTable("num_speakers", [], [{"num_speakers": len(context.model.speakers)}])


PART = Part("num_speakers", order=15, run=evaluate_speakers)
"""


def test_a_new_file_in_the_folder_of_parts_is_evaluated(cache, tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "num_speakers.py").write_text(NEW_PART)
    own = [*folder_of_parts.__path__, str(tmp_path / "own")]
    monkeypatch.setattr(folder_of_parts, "__path__", own)
    config = config_of(tmp_path, cache, codes=False, labels=False, metrics="num_speakers")
    assert evaluate(config).value("num_speakers.num_speakers") == 2
    assert [part.id for part in find_parts()][:2] == ["receptive_fields", "num_speakers"]
