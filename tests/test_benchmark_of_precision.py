"""The benchmark of what weights in fewer bits cost."""

from __future__ import annotations

import csv

import pytest
from helpers.commands import run
from helpers.configs import TINY, TINY_CODES
from helpers.runs import trained

from wavenet_ae.engines.native.compiler import NotCompiled, find_compiler

pytestmark = pytest.mark.slow


def test_engines_are_compared_on_the_same_speech(cache, tmp_path):
    try:
        find_compiler()
    except NotCompiled as problem:
        pytest.skip(str(problem))
    folder = trained(tmp_path / "run", cache, *TINY, *TINY_CODES)
    some = ["--count", "2", "--seconds", "0.3", "--engines", "reference", "native", "native_int8"]
    code, output = run("benchmarks/precision.py", str(folder), *some, cache=cache)
    assert code == 0, output
    with (folder / "precision.csv").open() as file:
        reference, native, int8 = csv.DictReader(file)
    assert [row["engine"] for row in (reference, native, int8)] == some[-3:]
    assert float(reference["nll"]) > 1 and float(reference["more"]) == 0
    assert abs(float(native["more"])) < 1e-5
    assert 1e-5 < abs(float(int8["more"])) < 0.1
