"""What panels draw is what runs log, in their folders and in W&B, and all of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from helpers.commands import run
from helpers.configs import TINY, TINY_QUANTIZERS
from helpers.dashboard_runs import default_panels
from helpers.runs import trained
from helpers.wandb_files import histogram_keys, logged_keys

from wavenet_ae.dashboards.history import read_run
from wavenet_ae.dashboards.panels import Panel, missing_keys
from wavenet_ae.runs import RunFolder

pytestmark = pytest.mark.slow
BOTTLENECKS = ("vqvae", "rvq", "vae", "lfq", "ae")  # each logs what no other does
REPRESENTATION = [
    *("model=representation", "logger=wandb", "trainer.accelerator=cpu", "trainer.max_steps=12"),
    *("data.source.num_speakers=2", "data.source.minutes=0.5", "data.validation_seconds=6"),
    *("data.window_seconds=0.64", "data.batch_size=4", "encoder.dim=16", "model.context.dim=16"),
    *("validate_every_n_steps=6", "trainer.log_every_n_steps=1", "optimizer.warmup_steps=5"),
]


@pytest.fixture(scope="module")
def runs(cache, tmp_path_factory):
    """Folders of finished runs, which have W&B, offline, as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("WANDB_DATA_DIR", str(tmp_path_factory.mktemp("wandb")))
        outputs = tmp_path_factory.mktemp("outputs")
        listening = [
            f"callbacks.audio_samples.{each}" for each in ("every_n_steps=6", "max_seconds=0.1")
        ]
        settings = [*TINY, *listening, "logger=wandb", "trainer.max_steps=12"]
        of_bottlenecks = [
            trained(
                outputs / each,
                cache,
                *settings,
                f"bottleneck={each}",
                *TINY_QUANTIZERS.get(each, []),
            )
            for each in BOTTLENECKS
        ]
        yield [*of_bottlenecks, *of_objectives(outputs, cache)]


def of_objectives(outputs: Path, cache: Path) -> list[Path]:
    """Runs of representations: contrastive prediction, and prediction of the clusters it gives."""
    contrast = trained(
        outputs / "contrastive",
        cache,
        *(*REPRESENTATION, "objective=contrastive", "objective.contrastive.num_ahead=4"),
    )
    clusters = outputs / "clusters.npz"
    source = f"source={RunFolder(contrast).best_checkpoint}"
    of_corpus = [each for each in REPRESENTATION if each.startswith("data.source")]
    code, output = run(
        *("cluster.py", source, f"out={clusters}", "num_clusters=8", *of_corpus), cache=cache
    )
    assert code == 0, output
    targets = f"objective.masked_prediction.targets={clusters}"
    predicting = [*REPRESENTATION, "objective=masked_prediction", targets]
    return [contrast, trained(outputs / "masked", cache, *predicting)]


def in_folder(run_folder: Path) -> dict[str, set[str]]:
    """What a run's files have, by the kind of panel that draws it."""
    history = read_run(run_folder, "")
    histograms = set(history.histograms)
    return {"lines": set(history.scalars), "bars": histograms, "heatmap": histograms}


def in_wandb(run_folder: Path) -> dict[str, set[str]]:
    """The same of its W&B run.  Tables are left out: W&B shows them by itself, panels do not."""
    histograms = histogram_keys(run_folder)
    return {"lines": logged_keys(run_folder), "bars": histograms, "heatmap": histograms}


@pytest.mark.parametrize("logged", [in_folder, in_wandb])
def test_every_key_of_a_panel_is_logged_and_as_what_it_draws(runs, logged):
    found = [logged(each) for each in runs]
    for panel in default_panels():
        names = set().union(*(each[panel.kind] for each in found))
        assert missing_keys([panel], names) == [], panel.name


@pytest.mark.parametrize("logged", [in_folder, in_wandb])
def test_whatever_is_logged_is_in_a_panel(runs, logged):
    for each in runs:
        names = set().union(*logged(each).values())
        drawn = {name for panel in default_panels() for name in panel.matches(names)}
        assert names == drawn, f"{each.name} logs {sorted(names - drawn)}"


def test_the_dashboard_draws_all_that_runs_have(runs, cache, tmp_path):
    vae = runs[BOTTLENECKS.index("vae")]
    logged = in_folder(vae)
    without = {each.name for each in default_panels() if is_without(each, logged)}
    assert draw([vae], cache, tmp_path / "one") == without
    assert draw(runs, cache, tmp_path / "all") == set(), "each panel has data of some run"


def draw(runs: list[Path], cache: Path, out: Path) -> set[str]:
    """Draw runs, a file a panel; returns which panels were left out."""
    listed = ",".join(str(each) for each in runs)
    code, output = run("dashboard.py", f"runs=[{listed}]", "each=panel", f"out={out}", cache=cache)
    assert code == 0, output
    drawn = {path.stem for path in out.glob("*.png")}
    left_out = re.search(r"left out, as no run has logged what they plot: (.*)", output)
    named = set(left_out[1].split(", ")) if left_out else set()
    assert drawn | named == {each.name for each in default_panels()} and not drawn & named
    return named


def is_without(panel: Panel, logged: dict[str, set[str]]) -> bool:
    return missing_keys([panel], logged[panel.kind]) == list(panel.keys)


def test_the_workspace_shows_all_that_wandb_has(runs, cache, tmp_path):
    wanted = ("task=workspace", "entity=me", "project=speech", f"out={tmp_path}/workspace.json")
    code, output = run("dashboard.py", *wanted, cache=cache)
    assert code == 0, output
    spec = json.loads((tmp_path / "workspace.json").read_text())
    sections = spec["spec"]["section"]["panelBankConfig"]["sections"]
    plots = [plot["config"] for section in sections for plot in section["panels"]]
    metrics = {key for plot in plots for key in plot["metrics"]}
    patterns = [plot["metricRegex"] for plot in plots if plot.get("useMetricRegex")]
    names = {name for each in runs for kind in in_wandb(each).values() for name in kind}
    assert metrics <= names
    for pattern in patterns:
        assert any(re.search(pattern, name) for name in names), pattern
    shown = {name for name in names if any(re.search(each, name) for each in patterns)}
    assert names == metrics | shown
