"""Options of hydra/launcher, which configure published launchers for training."""

from __future__ import annotations

from pathlib import Path

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from submitit.slurm.slurm import SlurmExecutor

CONF = Path(__file__).parents[2] / "conf"
SEARCHES = sorted(
    each.stem for each in CONF.glob("sweep/*.yaml") if "/hydra/sweeper: search" in each.read_text()
)


def composed(*overrides: str):
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra.compose("config", [*overrides], return_hydra_config=True).hydra


@pytest.mark.parametrize(
    "overrides, num_parallel",
    [
        ([], 1),
        (["hydra/launcher=local"], 2),
        (["hydra/launcher=local", "hydra.launcher.n_jobs=3"], 3),
        (["hydra/launcher=slurm"], 8),
        (["hydra/launcher=local", "hydra.sweeper.num_parallel=1"], 1),
    ],
)
@pytest.mark.parametrize("sweep", SEARCHES)
def test_a_search_gives_the_launcher_as_many_trials_as_it_takes(sweep, overrides, num_parallel):
    settings = composed(f"sweep={sweep}", *overrides)
    assert settings.sweeper.num_parallel == num_parallel
    assert settings.mode.name == "MULTIRUN" and settings.sweep.dir == f"outputs/sweeps/{sweep}"


def test_a_slurm_job_gets_a_signal_before_its_time_limit_and_is_queued_again(tmp_path, monkeypatch):
    """Checks the file that submitit writes for sbatch."""
    (tmp_path / "srun").write_text("")
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    node = OmegaConf.to_container(composed("hydra/launcher=slurm", "hydra.job.name=x").launcher)
    assert node.pop("_target_").endswith("SlurmLauncher")
    assert node.pop("max_num_timeout") > 0
    del node["submitit_folder"]
    executor = SlurmExecutor(folder=tmp_path)
    executor.update_parameters(**executor._convert_parameters(node))
    text = executor._make_submission_file_text("command", "1")
    for line in ("--time=240", "--signal=USR2@120", "--cpus-per-task=4", "--gpus-per-node=1"):
        assert line in text
