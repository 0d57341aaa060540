"""What the README and the guide promise."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from helpers.commands import ROOT, environment
from helpers.pages import blocks

README = (ROOT / "README.md").read_text()
TRAINING = (ROOT / "docs" / "guide" / "train.md").read_text()


def test_the_readme_is_short():
    assert README.count("\n") <= 150


def test_using_a_model_takes_three_lines(quantized, cache, tmp_path):
    shutil.copytree(quantized, tmp_path / "outputs" / "first")
    snippet, more = (each.text for each in blocks("README.md")[3:5])
    assert len(snippet.split("\n")) - snippet.count("\n\n") - 1 == 3
    waveform = "import numpy as np\nwaveform, rate = np.zeros(4000, np.int16), 8000\n"
    done = subprocess.run(
        [sys.executable, "-c", snippet + waveform + more + "print(codes.shape, sound.shape)"],
        cwd=tmp_path,
        env=environment(cache),
        capture_output=True,
        text=True,
    )
    printed = "8000 ['spk00', 'spk01']\ntorch.Size([25]) (4000,)"
    assert done.stdout.strip() == printed, done.stderr


def test_every_option_that_the_guide_lists_exists():
    table = TRAINING.split("| group | options |")[1].split("\n\n")[0]
    for line in table.strip().splitlines()[1:]:
        group, options = (cell.strip() for cell in line.strip("|").split("|"))
        group = group.strip("`")
        named = set(re.findall(r"`([a-z0-9_]+)`", options))
        there = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")} - {"base"}
        assert not named or named == there, f"{group}: the guide says {named}, there are {there}"


@pytest.mark.parametrize(("group", "page"), [("experiment", "train"), ("sweep", "sweeps")])
def test_every_recipe_is_named_in_the_guide(group, page):
    text = (ROOT / "docs" / "guide" / f"{page}.md").read_text()
    for path in (ROOT / "conf" / group).glob("*.yaml"):
        assert path.stem in text, f"{group}={path.stem} is not on the page {page}.md"


@pytest.mark.parametrize("target", ["demo", "test"])
def test_make_targets_exist(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"make {target}" in README
