"""Recordings shorter than a window are packed but not trained on, with a warning."""

from __future__ import annotations

import logging
from itertools import islice

import numpy as np
import pytest
from helpers.configs import small

from wavenet_ae.audio import io as files
from wavenet_ae.data.module import SpeechData
from wavenet_ae.data.sources import TableSource
from wavenet_ae.data.splits import Splits
from wavenet_ae.errors import UserError
from wavenet_ae.models import build

RATE = 8000
LENGTHS = {"long0": 12_000, "long1": 12_000, "frame": 200, "ten": 10, "held": 12_000, "one": 160}


@pytest.fixture(scope="module")
def plan():
    return build(small("identity"), ["a"]).alignment.window(320)


@pytest.fixture
def data(tmp_path) -> SpeechData:
    lines = ["speaker\tpath\tsplit"]
    for number, (name, num_samples) in enumerate(LENGTHS.items()):
        samples = np.random.default_rng(number).integers(-999, 999, num_samples).astype(np.int16)
        files.write(tmp_path / "root" / f"{name}.wav", samples, RATE)
        lines.append(f"a\troot/{name}.wav\t{'validation' if name in ('held', 'one') else 'train'}")
    (tmp_path / "table.tsv").write_text("\n".join(lines))
    source = TableSource(str(tmp_path / "table.tsv"))
    settings = {"window_seconds": 0.04, "batch_size": 2, "padding": "valid"}
    data = SpeechData(source, RATE, 0, str(tmp_path / "cache"), Splits(), **settings)
    data.open()
    return data


def test_they_are_packed_listed_aloud_and_never_served(data, plan, caplog):
    assert len(data.corpus) == len(LENGTHS)
    caplog.set_level(logging.WARNING)
    data.use(plan)
    training, validation = (record.getMessage() for record in caplog.records)
    assert training.startswith("2 of 4 training recordings are shorter than a window")
    assert "root/frame.wav" in training and "root/ten.wav" in training
    assert "long" not in training
    assert validation.startswith("1 of 2 validation recordings are shorter than a window")
    assert "root/one.wav" in validation
    served = [row for batch in islice(iter(data.train_dataloader()), 40) for row in batch.utterance]
    assert {data.corpus.keys[row] for row in served} == {"root/long0.wav", "root/long1.wav"}


def test_all_too_short_is_an_error_that_says_what_to_change(data, plan):
    data.corpus.length[:] = np.minimum(data.corpus.length, 300)
    with pytest.raises(UserError, match=r"none of 4 utterances has .*window_seconds"):
        data.use(plan)
