"""Tests marked `gpu`: each result is recorded as it comes."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

from gpu_parts.task import ROOT, Task

MARK = "mark.gpu"
PROCESSES = 6  # on a GPU's machine; a test is mostly Python waiting for small kernels
LONGEST_REASON = 400  # characters


def run(task: Task) -> None:
    """Run them all, whatever fails; raises SystemExit where one did."""
    os.chdir(ROOT)
    arguments = ["-m", "gpu", "-p", "no:cacheprovider", "-rs", *marked_files()]
    if task.device == "cuda" and importlib.util.find_spec("xdist"):
        arguments += ["-n", str(PROCESSES), "--dist", "worksteal"]
    recorder = Recorder(task)
    code = pytest.main(arguments, plugins=[recorder])
    if code != pytest.ExitCode.OK:
        raise SystemExit(f"pytest ended with {code!r}")


def marked_files(folder: Path = ROOT / "tests") -> list[str]:
    """Files with such tests: the others may import what a GPU's machine lacks."""
    files = sorted(folder.rglob("test_*.py"))
    return [str(each.relative_to(ROOT)) for each in files if MARK in each.read_text()]


class Recorder:
    """A plugin of pytest: a row a test."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def pytest_runtest_logreport(self, report: Any) -> None:
        is_end = report.when == "call" or report.outcome != "passed"
        if not is_end:
            return
        row = {"outcome": report.outcome, "seconds": report.duration}
        if report.outcome == "failed":
            row["why"] = str(report.longreprtext).strip()[-LONGEST_REASON:]
        self.task.record(report.nodeid, **row)

    def pytest_collectreport(self, report: Any) -> None:
        if report.outcome == "failed":
            why = str(report.longrepr)[-LONGEST_REASON:]
            self.task.record(report.nodeid or "collection", outcome="failed", seconds=0.0, why=why)
