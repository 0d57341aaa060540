"""A sweep ends with its table, and with exit code 1 if runs of a grid have failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.summary_runs import CONF, comparison, config, write_run
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from wavenet_ae.cli.callbacks import RunStart, SweepSummary
from wavenet_ae.composition import compose

GRID = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def end(folder: Path, sweeper: str = GRID) -> None:
    sources = [
        {"path": "hydra.conf", "schema": "pkg", "provider": "hydra"},
        {"path": str(CONF), "schema": "file", "provider": "main"},
    ]
    hydra = {
        "sweep": {"dir": str(folder)},
        "sweeper": {"_target_": sweeper},
        "runtime": {"config_sources": sources},
    }
    SweepSummary().on_multirun_end(config=OmegaConf.create({"hydra": hydra}))


def test_the_folder_of_a_run_without_a_name_is_made(tmp_path, monkeypatch):
    """Its name is `${hydra:runtime.choices.data}`, before Hydra has set its own configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    RunStart().on_run_start(compose("config", ["data=folder"]))
    assert [each.is_dir() for each in tmp_path.glob("outputs/folder/*")] == [True]


def test_a_grid_with_a_failed_run_fails(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        end(comparison(tmp_path))
    assert ended.value.code == "1 of 8 runs failed: fsq-seed-2 (the loss is nan)"
    assert "vqvae" in capsys.readouterr().out
    for name in ("sweep.csv", "sweep.png", "sweep.pdf"):
        assert (tmp_path / name).stat().st_size > 500, name


def test_a_search_with_a_failed_trial_succeeds(tmp_path, capsys):
    end(comparison(tmp_path), sweeper="wavenet_ae.search.search.Search")
    shown = capsys.readouterr().out
    assert "8 runs, 1 of them failed" in shown and "1 of 2" in shown


def test_a_sweep_without_runs_and_a_sweep_of_one_run(tmp_path, capsys):
    end(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    write_run(tmp_path / "one" / "0", config())
    end(tmp_path / "one")
    assert "1 run" in capsys.readouterr().out
    assert not (tmp_path / "one" / "sweep.png").exists(), "there is nothing to compare"


@pytest.mark.parametrize("sweeper", [GRID, "wavenet_ae.search.search.Search"])
def test_a_sweep_whose_runs_all_failed_fails(sweeper, tmp_path):
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "failed.txt").write_text("x" * 1000)
    with pytest.raises(SystemExit) as ended:
        end(tmp_path, sweeper)
    assert str(ended.value.code).startswith("3 of 3 runs failed: 0 (xxx")
    assert len(str(ended.value.code)) < 600
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 4


def test_importing_the_callback_imports_nothing_slow():
    code = (
        "import sys, wavenet_ae.cli.callbacks; "
        "print({'torch', 'matplotlib', 'rich', 'optuna'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
