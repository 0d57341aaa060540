"""Trains the stages of a recipe, one after another, each as an ordinary run in its own folder.

A stage is complete when its training has ended by itself, which `completed.json` in its folder
says.  A stage without this file resumes from its newest checkpoint.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from math import isfinite, nan
from pathlib import Path
from typing import Any

from wavenet_ae.data.module import SpeechData
from wavenet_ae.distributed import barrier
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import instantiate
from wavenet_ae.ownership import sole_run, use_in_turn
from wavenet_ae.reading import fields_of, read_json
from wavenet_ae.recipes.recipe import TARGETS_FILE, TARGETS_LOCK, Recipe
from wavenet_ae.recipes.stages import Stage
from wavenet_ae.runs import RunFolder
from wavenet_ae.storage import write_bytes
from wavenet_ae.training.logging.files import is_first_process, log_to
from wavenet_ae.training.run import train

logger = logging.getLogger(__name__)

COMPLETED = {"max_steps": int, "result": float | None}  # of `completed.json`


def train_recipe(recipe: Recipe, folder: Path) -> float:
    """Starts or continues a recipe.

    Args:
        recipe: The recipe, which has been checked.
        folder: Its folder.

    Returns:
        The result of its last stage, see `train`.

    Raises:
        UserError: A stage cannot start or continue, or the folder holds another recipe.
        Stopped: A signal has asked for it.
    """
    log_to(None)
    if is_first_process():
        recipe.write(folder)
    result = nan
    for stage in recipe.stages:
        run = recipe.run(folder, stage)
        completed = _completed(run, recipe.configs[stage.name])
        if completed is None:
            with sole_run(run.path) if is_first_process() else nullcontext():
                result = _train_stage(recipe, folder, stage)
        else:
            result = completed
            logger.info("%s is complete", _place(recipe, stage))
    return result


def _train_stage(recipe: Recipe, folder: Path, stage: Stage) -> float:
    run = recipe.run(folder, stage)
    _require_none_after(recipe, folder, stage)
    log_to(str(run.path))
    logger.info("%s", _place(recipe, stage))
    config = recipe.config(folder, stage)
    _make_targets(recipe, folder, stage, config)
    result = train(config, is_last=stage is recipe.last)
    if is_first_process():
        value = result if isfinite(result) else None
        content = {"max_steps": config["trainer"].get("max_steps", -1), "result": value}
        write_bytes(run.completed, json.dumps(content).encode())
    barrier()
    return result


def _place(recipe: Recipe, stage: Stage) -> str:
    return f"stage {stage.number} of {len(recipe.stages)}, {stage.name}"


def _completed(run: RunFolder, config: Mapping[str, Any]) -> float | None:
    """Returns the result of a stage that is complete; None where it has steps left to train."""
    if not run.completed.is_file():
        return None
    record = fields_of(read_json(run.completed), COMPLETED, str(run.completed))
    if record["max_steps"] != config["trainer"].get("max_steps", -1):
        return None
    return nan if record["result"] is None else float(record["result"])


def _require_none_after(recipe: Recipe, folder: Path, stage: Stage) -> None:
    """Raises UserError where a later stage has begun, which would start from another checkpoint."""
    for later in recipe.stages[stage.number :]:
        run = recipe.run(folder, later)
        if run.has_begun() or (run.path / TARGETS_FILE).exists():
            raise UserError(
                f"stage {stage.name} has steps left to train, but stage {later.name} has started "
                f"from it already: keep trainer.max_steps of stage {stage.name}, or remove "
                f"{run.path} to train it again"
            )


def _make_targets(recipe: Recipe, folder: Path, stage: Stage, config: Mapping[str, Any]) -> None:
    """Clusters the corpus for a stage that predicts the clusters, unless it has been done.

    The first of several processes does it, and the others wait for its lock: they would leave a
    barrier with an error after torch's timeout, half an hour.  If it is killed, another does it.
    """
    if stage.clusters is None:
        return
    run = recipe.run(folder, stage)
    file = run.path / TARGETS_FILE
    with ExitStack() as held:
        if not is_first_process():
            barrier()
        held.enter_context(use_in_turn(run.path / TARGETS_LOCK, "clusters the corpus"))
        if is_first_process():
            barrier()  # now that it has the lock
        if not file.is_file():
            _cluster(recipe, folder, stage, config, file)


def _cluster(
    recipe: Recipe, folder: Path, stage: Stage, config: Mapping[str, Any], file: Path
) -> None:
    """Writes the file of the clusters of a stage."""
    from wavenet_ae.training.targets import make_cluster_targets

    clusters = stage.clusters
    assert clusters is not None
    data = instantiate(
        config["data"], SpeechData, sample_rate=config["sample_rate"], seed=config["seed"]
    )
    logger.info("clustering %s for stage %s", clusters.source, stage.name)
    make_cluster_targets(
        recipe.source(folder, clusters),
        data.open(),
        file,
        num_clusters=clusters.num_clusters,
        seed=clusters.seed,
        iterations=clusters.iterations,
        clustered=clusters.clustered,
        remove_utterance_mean=clusters.remove_utterance_mean,
        smoothing=clusters.smoothing,
    )
