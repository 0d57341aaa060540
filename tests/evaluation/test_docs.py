"""The page on results of an evaluation: its blocks run, and its table names what there is."""

from __future__ import annotations

import re

import pytest
from helpers.evaluated import evaluated
from helpers.pages import ROOT, blocks

from wavenet_ae.evaluation.part import Part
from wavenet_ae.evaluation.parts import part_ids
from wavenet_ae.evaluation.report.table_words import TABLES

PAGE = "docs/guide/evaluation_results.md"
TEXT = (ROOT / PAGE).read_text()


def test_every_block_runs(tmp_path, monkeypatch, capsys):
    evaluated(tmp_path, tmp_path, "units", out=str(tmp_path / "outputs/evaluated/my_run"))
    monkeypatch.chdir(tmp_path)
    page: dict = {}
    for block in blocks(PAGE):
        block.execute(page)
    printed = capsys.readouterr().out
    pnmi = re.search(r"PNMI of the units: (0\.\d+)", printed)
    assert pnmi is not None and f"'pnmi': {pnmi[1]}" in printed
    assert isinstance(page["PART"], Part)


@pytest.mark.parametrize("ids", [part_ids(), tuple(TABLES)])
def test_all_parts_and_tables_are_in_the_table(ids):
    assert [each for each in ids if f"`{each}`" not in TEXT] == []
