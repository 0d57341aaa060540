"""Sweeps by W&B: train.py accepts the command of its agent."""

from __future__ import annotations

from pathlib import Path

import hydra
import yaml
from hydra.core.global_hydra import GlobalHydra
from omegaconf import open_dict
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

from wavenet_ae.config import check, plain

CONF = Path(__file__).parents[2] / "conf"
SWEEP = yaml.safe_load((CONF / "wandb_sweep.yaml").read_text())


def first_value(parameter: dict) -> object:
    return parameter["values"][0] if "values" in parameter else parameter["min"]


def rendered() -> list[str]:
    """Returns the command that W&B's agent starts, built by the code of W&B."""
    values = {key: {"value": first_value(each)} for key, each in SWEEP["parameters"].items()}
    made = create_sweep_command_args({"args": values})
    made |= {"env": ["/usr/bin/env"], "interpreter": ["python"], "program": [SWEEP["program"]]}
    command: list[str] = []
    for part in create_sweep_command(SWEEP["command"]):
        is_macro = part.startswith("${") and part.endswith("}")
        command += made[part[2:-1]] if is_macro else [part]
    return command


def test_the_agents_command_composes(monkeypatch):
    monkeypatch.setenv("WANDB_RUN_ID", "abcd1234")
    env, interpreter, program, *overrides = rendered()
    assert (env, interpreter, program) == ("/usr/bin/env", "python", "train.py")
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose(
            "config",
            ["run_folder=unused", "name=test", *overrides],
            return_hydra_config=True,
        )
    assert config.hydra.run.dir == "outputs/sweeps/wandb/abcd1234", "a folder of its own"
    with open_dict(config):
        del config["hydra"]
    values = plain(config)
    check(values)
    for key, parameter in SWEEP["parameters"].items():
        group, _, name = key.partition(".")
        if name:
            assert values[group][name] == first_value(parameter)
    assert values["bottleneck"]["_target_"].endswith("VQVAE") and "wandb" in str(values["logger"])


def test_the_metric_of_the_sweep_is_one_that_runs_log():
    assert SWEEP["metric"] == {"name": "validation/nll", "goal": "minimize"}
