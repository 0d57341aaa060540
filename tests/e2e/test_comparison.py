"""`experiment=compare_bottlenecks` and compare.py write a table and a plot."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from math import log2
from pathlib import Path

import hydra
import pytest
import yaml
from helpers.commands import ROOT, environment, run, run_apart
from helpers.configs import TINY
from helpers.summary_runs import comparison
from hydra.core.global_hydra import GlobalHydra
from PIL import Image

from wavenet_ae.config import check, plain
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.models import build
from wavenet_ae.models.build import model_config
from wavenet_ae.runs import RunFolder

EXPERIMENT = ROOT / "conf" / "experiment" / "compare_bottlenecks.yaml"
PARAMS = yaml.safe_load(EXPERIMENT.read_text())["hydra"]["sweeper"]["params"]
CONTINUOUS = ("identity", "ae", "vae")


def test_the_experiment_compares_all_bottlenecks():
    there = {path.stem for path in (ROOT / "conf" / "bottleneck").glob("*.yaml")}
    assert set(PARAMS["bottleneck"].split(",")) == there


@pytest.mark.parametrize("option", PARAMS["bottleneck"].split(","))
def test_all_bottlenecks_with_codes_have_the_same_nominal_rate(option):
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        overrides = ["run_folder=unused", "name=x", f"bottleneck={option}"]
        config = plain(hydra.compose("config", ["experiment=compare_bottlenecks", *overrides]))
    check(config)
    model = build(model_config(config), ["a"])
    size = model.bottleneck.codebook_size
    code_rate = model.sample_rate / model.hop
    rate = code_rate * model.bottleneck.num_codebooks * log2(size) if size else None
    assert rate == (None if option in CONTINUOUS else 300)


def rows(sweep: Path) -> dict[str, dict[str, str]]:
    with (sweep / "sweep.csv").open(newline="") as file:
        return {row["run"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
def test_failed_runs_of_a_comparison_are_trained_again_without_what_failed(cache, tmp_path):
    """Starts a comparison in which checkpoints of one bottleneck are damaged."""
    sweep = tmp_path / "sweep"
    damaged = [RunFolder(sweep / f"fsq-seed-{seed}").step_checkpoint(1) for seed in (1, 2)]
    for file in damaged:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"damaged")
    command = ["experiment=compare_bottlenecks", *TINY, f"hydra.sweep.dir={sweep}", "seed=1,2"]
    code, output = run("train.py", *command, "bottleneck=ae,fsq", cache=cache)
    assert code == 1, output
    assert "2 of 4 runs failed: fsq-seed-1 (" in output
    statuses = [row["status"].split(":")[0] for row in rows(sweep).values()]
    assert statuses == ["finished", "finished", "failed", "failed"]
    assert [row["bottleneck"] for row in rows(sweep).values()] == ["ae", "ae", "fsq", "fsq"]
    assert "0 of 2" in output, "runs that never began have a line too"
    before = [(sweep / f"ae-seed-{seed}" / "metrics.csv").read_bytes() for seed in (1, 2)]

    code, output = run("train.py", *command, "bottleneck=ae", cache=cache)
    assert code == 1 and "is already at step 24" in output, output
    for file in damaged:
        file.unlink()
    code, output = run("train.py", *command, "bottleneck=fsq", cache=cache)
    assert code == 0, output
    after = [(sweep / f"ae-seed-{seed}" / "metrics.csv").read_bytes() for seed in (1, 2)]
    assert before == after, "trained again"
    assert_right(rows(sweep), sweep)


@pytest.mark.slow
def test_sweeps_have_folders_of_their_own(cache, tmp_path):
    """Checks that the folders of sweeps are named by their configurations, as those of runs are."""
    few = [*TINY, "trainer.max_steps=6", "bottleneck=ae,vae"]
    for option, folder in (("-m", "toy/*"), ("experiment=compare_bottlenecks", "compare*/toy")):
        given = [option, *few, "seed=1"]
        code, _, errors = run_apart("train.py", *given, cache=cache, folder=tmp_path)
        assert code == 0, errors
        (sweep,) = (tmp_path / "outputs").glob(folder)
        assert (sweep / "sweep.csv").is_file() and len(list(sweep.glob("*/config.yaml"))) == 2


def assert_right(found: dict[str, dict[str, str]], sweep: Path) -> None:
    assert list(found) == ["ae-seed-1", "ae-seed-2", "fsq-seed-1", "fsq-seed-2"]
    for name, row in found.items():
        steps, nlls = read_metrics(RunFolder(sweep / name).metrics)["validation/nll"]
        assert f"{row['bottleneck']}-seed-{row['seed']}" == name
        assert (row["status"], row["steps"]) == ("finished", "24")
        assert float(row["validation/nll"]) == nlls.min()
        assert float(row["best_step"]) == steps[nlls.argmin()]
        assert row["bitrate/nominal"] == ("300.0" if row["bottleneck"] == "fsq" else "")
    assert Image.open(sweep / "sweep.png").width > 1000


def compare(*arguments: str, folder: Path) -> tuple[int, str, str]:
    return run_apart("compare.py", *arguments, cache=folder, folder=folder)


def test_runs_in_several_folders_share_a_table(tmp_path):
    first, second = comparison(tmp_path / "first"), comparison(tmp_path / "second")
    runs = f"runs=[{first},{second}/vae-seed-1]"
    code, out, err = compare(runs, "out=plots", "formats=[png,pdf]", folder=tmp_path)
    assert code == 0, err
    assert re.search(r"vae +3 +2\.613", out) and "9 runs, 1 of them failed" in out
    with (tmp_path / "plots" / "comparison.csv").open(newline="") as file:
        names = [row["run"] for row in csv.DictReader(file)]
    assert "first/vae-seed-1" in names and names[-1] == "second/vae-seed-1"
    assert {each.name for each in (tmp_path / "plots").iterdir()} == {
        f"comparison.{suffix}" for suffix in ("csv", "png", "pdf")
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], r"error: runs is empty: set runs=<folder of a run or sweep>"),
        (["runs={sweep}x"], r"no such folder\. Did you mean 'sweep'\?"),
        (["runs={sweep}/vae-seed-1/checkpoints"], r"which is no folder of a run or of a sweep"),
        (["runs=[{sweep},{sweep}/vae-seed-1]"], r"names the run .*vae-seed-1' twice"),
        (["runs={sweep}", "formats=gif"], r"formats is \['gif'\].*png, pdf"),
        (["runs={sweep}", "formats=[]"], r"formats is empty: set one or both of png and pdf"),
        (["runs={sweep}", "+label=x"], r"label is not known"),
    ],
)
def test_a_wrong_setting_is_named(arguments, expected, tmp_path):
    sweep = comparison(tmp_path / "sweep")
    given = [each.replace("{sweep}", str(sweep)) for each in arguments]
    code, out, err = compare(*given, folder=tmp_path)
    assert code == 1 and "Traceback" not in err and out == ""
    assert re.search(expected, err), err
    assert not (tmp_path / "comparison").exists()


@pytest.mark.parametrize("script", ["compare.py", "train.py"])
def test_help_imports_nothing_slow(script, tmp_path):
    code = (
        f"import runpy, sys; sys.argv = ['{script}', '--help']\n"
        f"try: runpy.run_path('{script}', run_name='__main__')\n"
        "finally: print(sorted({'torch', 'matplotlib', 'rich'} & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert shown.stdout.rstrip().endswith("[]"), shown.stdout[-300:] + shown.stderr
