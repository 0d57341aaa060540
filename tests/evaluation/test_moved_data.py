"""A run's own recordings, where they lie now; they stay divided as they were."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers.evaluated import data
from helpers.small_models import checkpoint, recordings

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import EvaluationConfig, check_config
from wavenet_ae.evaluation.dataset import EvaluationDataset, open_dataset
from wavenet_ae.loading import load

NAMES = [f"ann/{number}.wav" for number in range(8)]


@pytest.fixture
def file(tmp_path) -> Path:
    """A checkpoint in a run folder; its recordings were at tmp_path / "then"."""
    then = recordings(tmp_path / "then", dict.fromkeys(NAMES, 2_000))
    node = data(tmp_path) | {
        "source": {"_target_": "wavenet_ae.data.sources.FolderSource", "root": str(then)},
        "splits": {"_target_": "wavenet_ae.data.splits.Splits", "validation": 0.4},
    }
    file = checkpoint(tmp_path)
    (file.parents[1] / "config.yaml").write_text(yaml.safe_dump({"data": node, "seed": 3}))
    return file


def opened(file: Path, **settings) -> EvaluationDataset:
    return open_dataset(load(file), check_config({"checkpoint": str(file), **settings}))


def test_moved_recordings_stay_divided(file, tmp_path):
    before = opened(file)
    assert 0 < len(before.rows) < len(NAMES)
    now = tmp_path / "now"
    shutil.move(tmp_path / "then", now)
    with pytest.raises(UserError) as error:
        opened(file)
    message = str(error.value)
    assert f"data.root of this run is {tmp_path / 'then'}, which is not there" in message
    assert "+data.root=<where it is now>" in message and "data=folder data.root=" in message
    after = opened(file, data={"root": str(now)})
    assert np.array_equal(after.rows, before.rows)
    assert after.corpus.fingerprint == before.corpus.fingerprint
    assert after.paths()["ann/0.wav"] == now / "ann" / "0.wav"
    assert EvaluationConfig(data={"root": str(now)}).chosen_split == "validation"


def test_nothing_else_of_a_run_s_data_can_be_set(file):
    with pytest.raises(UserError, match=r"data\.limit is set, but no data=\.\.\..*\(root\)"):
        opened(file, data={"limit": 3})


def test_other_recordings_are_not_divided(file, tmp_path):
    other = data(tmp_path) | {
        "source": {
            "_target_": "wavenet_ae.data.sources.FolderSource",
            "root": str(tmp_path / "then"),
        }
    }
    assert len(opened(file, data=other).rows) == len(NAMES)
    missing = {**other, "source": {**other["source"], "root": str(tmp_path / "nowhere")}}
    with pytest.raises(UserError, match="nowhere: no such folder") as error:
        opened(file, data=missing)
    assert "of this run" not in str(error.value)
