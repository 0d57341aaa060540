"""The notebooks of the gallery: they run, and the site shows what they have given."""

from __future__ import annotations

import os

import nbformat
import pytest
from helpers.commands import ROOT, environment
from helpers.notebooks import GALLERY, NOTEBOOKS, executed


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [each for cell in notebook.cells for each in cell.get("outputs", [])]


@pytest.mark.slow
def test_both_run_one_after_the_other(cache, tmp_path, monkeypatch):
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    variables = {**environment(cache), "TMPDIR": str(tmp_path), "PYTHONPATH": path}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    first = executed("train_on_toy", tmp_path, num_steps=40)
    second = executed("encode_and_convert", tmp_path)
    assert (tmp_path / "wavenet_ae_gallery" / "checkpoints" / "best.ckpt").is_file()
    for notebook in (first, second):
        assert [each for each in outputs(notebook) if each.output_type == "error"] == []
    assert "8000 Hz, 50.0 codes a second" in outputs(second)[0].text


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_outputs_are_recorded_and_small(name):
    file = GALLERY / f"{name}.ipynb"
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert file.stat().st_size < 512 * 1024
    cells = [each for each in notebook.cells if each.cell_type == "code"]
    numbers = [each.execution_count for each in cells]
    assert numbers == list(range(1, len(cells) + 1)), "executed from top to bottom"
    assert all(each.output_type != "error" for each in outputs(notebook))
    assert any("audio" in each.get("data", {}).get("text/html", "") for each in outputs(notebook))
