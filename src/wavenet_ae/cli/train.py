"""Train a waveform autoencoder.

wavenet-ae train bottleneck=vqvae data=folder data.root=recordings
wavenet-ae train -m bottleneck=ae,vae,vqvae seed=1,2
wavenet-ae train sweep=learning_rates
wavenet-ae train experiment=speech_units data=folder data.root=recordings
wavenet-ae train resume=latest trainer.max_steps=100000
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, cast

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from wavenet_ae.cli.arguments import command
from wavenet_ae.config import check, plain
from wavenet_ae.errors import UserError
from wavenet_ae.exits import guarded, recorded, restart_with_utf8
from wavenet_ae.ownership import sole_run
from wavenet_ae.paths import keep_absolute
from wavenet_ae.recipes.compose import compose_recipe
from wavenet_ae.recipes.preflight import check_recipe
from wavenet_ae.recipes.recipe import Recipe
from wavenet_ae.recipes.resume import is_recipe, resumed_recipe
from wavenet_ae.resume import is_resume, resumed
from wavenet_ae.runs import RunFolder, link_latest
from wavenet_ae.storage import write_bytes

Hold = Callable[[Path], AbstractContextManager[Path | None]]
Check = Callable[[Mapping[str, Any]], None]


def no_check(config: Mapping[str, Any]) -> None:
    """Accepts every configuration."""


def run(config: dict[str, Any], hold: Hold = sole_run) -> float:
    """Checks a configuration and trains; slow imports wait until the check is over.

    Args:
        config: A plain configuration.
        hold: Holds the run's folder while it trains, and gives the folder to use.
    """
    try:
        check(config)
        from wavenet_ae.training.preflight import check_sizes

        check_sizes(config)
    except UserError:
        with contextlib.suppress(OSError):  # Hydra has made the folder of a run that is none
            os.rmdir(config["run_folder"])
        raise
    from wavenet_ae.signals import Stopped
    from wavenet_ae.training.logging.files import is_first_process, log_to
    from wavenet_ae.training.processes import ending_together
    from wavenet_ae.training.run import train

    keep_absolute(config)
    with (hold if is_first_process() else nullcontext)(Path(config["run_folder"])) as folder:
        if str(folder) != config["run_folder"]:
            config["run_folder"] = str(folder)
            sys.argv.append(f"run_folder={folder}")  # for the processes of further devices
        log_to(config["run_folder"])
        is_single = hold is not nullcontext  # `latest` is none of a sweep's runs
        link = partial(link_latest, Path(config["run_folder"])) if is_single else None
        try:
            with ending_together(Path(config["run_folder"])):
                return train(config, link)
        except Stopped as stopped:
            stopped.end()


def run_recipe(recipe: Recipe, folder: Path, hold: Hold = sole_run) -> float:
    """Checks all stages of a recipe and trains them, as `run` does with a single configuration.

    Args:
        recipe: The recipe.
        folder: Its folder.
        hold: Holds the folder while the stages train, and gives the folder to use.
    """
    try:
        check_recipe(recipe, folder)
    except UserError:
        with contextlib.suppress(OSError):
            os.rmdir(folder)
        raise
    from wavenet_ae.recipes.run import train_recipe
    from wavenet_ae.signals import Stopped
    from wavenet_ae.training.logging.files import is_first_process
    from wavenet_ae.training.processes import ending_together

    with (hold if is_first_process() else nullcontext)(folder) as held:
        assert held is not None
        if held != folder:
            sys.argv.append(f"run_folder={held}")  # for the processes of further devices
        if is_first_process() and hold is not nullcontext:
            link_latest(held)
        try:
            with ending_together(held):
                return train_recipe(recipe, held)
        except Stopped as stopped:
            stopped.end()


def run_composed(config: DictConfig, hold: Hold, check_more: Check = no_check) -> float:
    """Trains what Hydra has composed: one run, or the stages of a recipe.

    Args:
        config: The composed configuration.
        hold: Holds the folder, see `run`.
        check_more: Checks the plain configuration of the run, or of each stage, before the rest.
    """
    if config.get("stages") is None:
        values = plain(config)
        check_more(values)
        return run(values, hold)
    hydra_config = cast(DictConfig, HydraConfig.get())  # which Hydra annotates as its schema
    recipe = compose_recipe(hydra_config, GlobalHydra.instance().config_loader())
    for values in recipe.configs.values():
        check_more(values)
    return run_recipe(recipe, Path(str(config.run_folder)), hold)


def run_of_sweep(config: DictConfig, folder: Path) -> float:
    """Trains one run of several: where it fails its folder says why, and the others continue."""
    from wavenet_ae.search.sweep_runs import require_one_device, run_in_turn
    from wavenet_ae.training.logging.files import log_to

    def work() -> float:
        # This process holds the folder already.
        return run_composed(config, nullcontext, require_one_device)

    log_to(str(folder))
    with run_in_turn(folder):
        nll = recorded(work, folder)
        refused = RunFolder(folder)
        if refused.failed.is_file() and not (refused.config.is_file() or refused.recipe.is_file()):
            with contextlib.suppress(UserError):
                content = OmegaConf.to_yaml(OmegaConf.create(plain(config)))
                write_bytes(refused.refused, content.encode())
        return nll


@command("config")
def composed(config: DictConfig) -> float:
    hydra_config = HydraConfig.get()
    if hydra_config.mode == RunMode.MULTIRUN:
        folder = Path(hydra_config.runtime.output_dir)
        return guarded(lambda: run_of_sweep(config, folder))
    given = (*hydra_config.overrides.hydra, *hydra_config.overrides.task)
    is_named = any(each.startswith(("hydra.run.dir=", "run_folder=")) for each in given)
    hold = partial(sole_run, is_named_by_time=not is_named)
    return guarded(lambda: run_composed(config, hold))


def main() -> None:
    """Trains what the command line says, or resumes a run."""
    restart_with_utf8()
    if not any(is_resume(argument) for argument in sys.argv[1:]):
        guarded(composed)
    elif guarded(lambda: is_recipe(sys.argv[1:])):
        guarded(lambda: run_recipe(*resumed_recipe(sys.argv[1:])))
    else:
        guarded(lambda: run(resumed(sys.argv[1:])))


if __name__ == "__main__":
    main()
