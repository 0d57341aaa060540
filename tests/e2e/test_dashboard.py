"""dashboard.py: plots of runs and a workspace; a wrong command says what is accepted."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.commands import ROOT, environment, run_apart
from helpers.dashboard_runs import run_folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    run_folder(folder / "A")
    run_folder(folder / "B", seed=1, collapse=0.9)
    return folder


def dashboard(*arguments: str, folder: Path) -> tuple[int, str, str]:
    """As a user without a W&B login runs it."""
    clean = {"HOME": str(folder), "NETRC": str(folder / "netrc"), "WANDB_API_KEY": ""}
    return run_apart("dashboard.py", *arguments, cache=folder, folder=folder, **clean)


def test_a_run_that_still_goes_on_has_a_dashboard(runs, tmp_path):
    with (runs / "A" / "metrics.csv").open("a") as file:
        file.write("4009,2.7,1.")  # the run continues
    code, out, err = dashboard(f"runs={runs}/A", "sections=[learning,vae]", folder=tmp_path)
    assert code == 0, err
    assert out.splitlines() == [
        f"written: {runs}/A/dashboard/learning.png",
        "left out, as no run has logged what they plot: "
        "contrastive, contrastive_accuracy, masked_prediction, masked_prediction_accuracy, "
        "masked_prediction_perplexity, active_units, kl, kl_per_dimension, negative_elbo",
    ]
    assert (runs / "A" / "dashboard" / "learning.png").stat().st_size > 20_000


def test_two_runs_with_words_of_ones_own(runs, tmp_path):
    code, out, err = dashboard(
        *(f"runs=[{runs}/A,{runs}/B]", "labels=[healthy,collapsed]", f"out={tmp_path}/out"),
        *("formats=[pdf]", "each=panel", "sections=[codebook]"),
        *("panels.perplexity.title='How many codes?'", "panels.perplexity.ylabel='perplexity'"),
        "panels.perplexity.keys={codebook/batch_perplexity:here}",
        "+panels.perplexity.ymax=80",
        folder=tmp_path,
    )
    assert code == 0, err
    assert f"written: {tmp_path}/out/perplexity.pdf" in out
    assert len(list((tmp_path / "out").iterdir())) == out.count("written: ")


def test_a_workspace_without_a_login(tmp_path):
    wanted = ("task=workspace", "entity=me", "project=speech", "out=made/workspace.json")
    code, out, err = dashboard(*wanted, folder=tmp_path)
    assert code == 0, err
    assert out.splitlines() == [
        "written: made/workspace.json",
        "not uploaded, without a W&B login: `wandb login`, then the same command again",
    ]
    assert json.loads((tmp_path / "made" / "workspace.json").read_text())["entity"] == "me"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], r"error: runs is empty: set runs=<run folder>"),
        (["runs=/no/run"], r"error: runs has '/no/run', but there is no such folder\."),
        (["runs={A}", "formats=[gif]"], r"formats is \['gif'\].*one of png, pdf, jpg"),
        (["runs={A}", "sections=[codbook]"], r"sections has 'codbook'.*Did you mean 'codebook'"),
        (["runs={A}", "labels=[a,b]"], r"labels is \['a', 'b'\], but must be 1 in number"),
        (["runs={A}", "+panels.nll.titel=x"], r"panels\.nll\.titel is not known.*'title'"),
        (["runs={A}", "panels.nll.titel=x"], r"panels\.nll\.titel is not a key.*'title'"),
        (["runs={A}", "panels.nll.kind=pie"], r"panels\.nll\.kind is 'pie'.*lines, bars, heatmap"),
        (["task=workspace"], r"entity is not set[\s\S]*project is not set"),
    ],
)
def test_a_wrong_argument_is_one_line_of_error(arguments, expected, runs, tmp_path):
    given = [each.replace("{A}", str(runs / "A")) for each in arguments]
    code, out, err = dashboard(*given, f"out={tmp_path}/out", folder=tmp_path)
    assert code == 1 and "Traceback" not in err and out == ""
    assert re.search(expected, err), err
    assert not (tmp_path / "out").exists()


def test_help_imports_nothing_slow(tmp_path):
    code = (
        "import runpy, sys; sys.argv = ['dashboard', '--help']\n"
        "try: runpy.run_module('wavenet_ae.cli.dashboard', run_name='__main__')\n"
        "finally: print(sorted({'torch', 'matplotlib', 'wandb'} & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert "wavenet-ae dashboard runs=" in shown.stdout, shown.stderr
    assert shown.stdout.rstrip().endswith("[]"), "imported before the help was printed"
