"""The README's snippet, executed as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from helpers.commands import ROOT, environment

README = (ROOT / "README.md").read_text()


def test_using_a_model_takes_three_lines(quantized, cache, tmp_path):
    shutil.copytree(quantized, tmp_path / "outputs" / "demo" / "2026-01-31_12-00-00")
    snippet = re.search(r"```python\n(import wavenet_ae\n.*?)```", README, re.DOTALL).group(1)
    assert len(snippet.split("\n")) - snippet.count("\n\n") - 1 == 3
    done = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=tmp_path,
        env=environment(cache),
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "8000 ['spk00', 'spk01']", done.stderr


def test_every_option_that_the_readme_lists_exists():
    table = README.split("| group | options |")[1].split("\n\n")[0]
    for line in table.strip().splitlines()[1:]:
        group, options = (cell.strip() for cell in line.strip("|").split("|"))
        group = group.strip("`")
        named = set(re.findall(r"`([a-z_]+)`", options))
        there = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")} - {"base"}
        assert named == there, f"{group}: the README says {named}, there are {there}"


@pytest.mark.parametrize("target", ["demo", "test"])
def test_make_targets_exist(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"make {target}" in README
