"""The study of what a run says: every sound is made and measured."""

from __future__ import annotations

import csv

import pytest
import soundfile
from commands import run
from configs import TINY
from runs import trained

KINDS = (
    "reconstruction",
    "another utterance's codes",
    "to the lowest voice",
    "to the highest voice",
    "mu-law alone",
)
FEWEST_SETTINGS = [
    "data.source.minutes=2",
    "trainer.max_steps=6",
    "bottleneck.codebook_size=8",
    "bottleneck.start_after=3",
]


@pytest.mark.slow
def test_every_sound_is_made_and_measured(tmp_path):
    folder = trained(tmp_path / "run", tmp_path / "cache", *TINY, *FEWEST_SETTINGS)
    arguments = [str(folder), "--count", "2", "--seconds", "0.4"]
    code, output = run("studies/sounds.py", *arguments, cache=tmp_path / "cache")
    assert code == 0, output
    with (folder / "sounds" / "figures.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["kind"] for row in rows) == sorted(2 * KINDS)
    figures = {(row["kind"], row["utterance"]): row for row in rows}
    for number in "01":
        untrained, exact = figures["reconstruction", number], figures["mu-law alone", number]
        assert float(untrained["mcd_db"]) > float(exact["mcd_db"]) > 0
        assert float(exact["same_codes"]) > 0.5
        low, high = (figures[f"to the {each} voice", number] for each in ("lowest", "highest"))
        assert float(low["voice_f0_hz"]) < float(high["voice_f0_hz"])
        for kind in ("original", "reconstruction"):
            assert soundfile.info(folder / "sounds" / f"0{number}-{kind}.wav").frames == 3200
    assert "times real time" in output and output.count("\n| ") == 1 + len(KINDS)
