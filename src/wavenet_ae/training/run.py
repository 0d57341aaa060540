"""One training run, from a plain configuration to its last checkpoint."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from math import isfinite, nan
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins.environments import SLURMEnvironment
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from wavenet_ae.checkpoint import newest_checkpoint
from wavenet_ae.checkpoint_model import speakers_of
from wavenet_ae.data.feature_means import FeatureMeans
from wavenet_ae.data.module import SpeechData
from wavenet_ae.encoders import feature_settings
from wavenet_ae.errors import UserError, counted
from wavenet_ae.file_names import printable, shown_path
from wavenet_ae.instantiate import Object, instantiate
from wavenet_ae.models import CodeModel, SpeechModel, build, headline, model_summary
from wavenet_ae.models.build import model_config
from wavenet_ae.objectives import Criterion, Objective, ObjectiveTerm
from wavenet_ae.randomness import keyed_seed
from wavenet_ae.resume import another_run, changes
from wavenet_ae.runs import RunFolder
from wavenet_ae.signals import handlers_kept
from wavenet_ae.slots import LIGHTNING
from wavenet_ae.storage import NotWritten, write_bytes
from wavenet_ae.stored import read_config
from wavenet_ae.training.callbacks import Checkpoints, Ending
from wavenet_ae.training.callbacks.checkpoints import DurableCheckpointIO, kept_state, restore_best
from wavenet_ae.training.logging import CSVLog, HistogramLog, run_loggers
from wavenet_ae.training.logging.files import write_run_files
from wavenet_ae.training.module import WaveformTraining
from wavenet_ae.training.numerics import Float64, compile_parts, warn_of_slow_precision
from wavenet_ae.training.optimizer import OptimizerConfig
from wavenet_ae.training.preflight import window_samples
from wavenet_ae.training.restoring import require_same_model, restoring
from wavenet_ae.training.warm_start import initialize_from

logger = logging.getLogger(__name__)

NUM_FEATURE_BATCHES = 50  # of windows on which features are standardized


def train(
    config: Mapping[str, Any],
    on_begin: Callable[[], None] | None = None,
    is_last: bool = True,
) -> float:
    """Starts or continues the run in `config["run_folder"]`.

    A folder that holds a checkpoint is resumed from the newest undamaged one; where that is at
    trainer.max_steps already, nothing is trained.

    Args:
        config: A plain configuration that has been checked.
        on_begin: Called once the data is open and `config.yaml` is written, by the first process.
        is_last: Whether no stage of a recipe follows, which would start from this run.

    Returns:
        The best value of the run's criterion, that of its best checkpoint; NaN where it has none.

    Raises:
        UserError: The run cannot start or continue, for example because the disk is full.
        Stopped: A signal has asked for it.
    """
    run = RunFolder(config["run_folder"])
    try:
        return _train(config, run, on_begin, is_last)
    except NotWritten as error:
        if not run.config.is_file():
            raise
        remedy = "Free some space" if error.is_full else "Make the folder one that can be written"
        raise UserError(
            f"{error.fault}.  {remedy}, and continue with resume={run.path}; what was written "
            "before is intact"
        ) from error


def _train(
    config: Mapping[str, Any],
    run: RunFolder,
    on_begin: Callable[[], None] | None,
    is_last: bool,
) -> float:
    resumed = newest_checkpoint(run)
    first_step = int(resumed[1]["global_step"]) if resumed else 0
    if resumed:
        _require_same_run(config, run)
        require_same_model(config, *resumed)
        kept = kept_state(*resumed)
        restore_best(run, kept)
        if 0 < config["trainer"].get("max_steps", -1) <= first_step:
            logger.warning(
                "%s is already at step %d; raise trainer.max_steps", run.path, first_step
            )
            return _number(kept["best_value"])
    trainer = _trainer(config, run, first_step, Ending(str(run.path), is_last))
    device_type = trainer.strategy.root_device.type
    warn_of_slow_precision(config["trainer"].get("precision", "32-true"), device_type)
    rate, seed = config["sample_rate"], config["seed"]
    data = instantiate(config["data"], SpeechData, sample_rate=rate, seed=seed)
    data.open()
    speakers = speakers_of(*resumed) if resumed else data.training_speakers
    model = _new_model(config, speakers)
    plan = model.window(window_samples(model, data.window_seconds))
    data.use(plan, _feature_means(model, data, config))
    if not resumed:
        _start(model, data, config)
    if config["compile"]:
        compile_parts(model, data.plan)
    module = _lightning_module(config, model, data)
    if trainer.is_global_zero:
        for line in headline(model):
            logger.info("%s", line)
        provenance = write_run_files(run, config, data.corpus.fingerprint)
        write_bytes(run.model_summary, f"{model_summary(model, data.plan)}\n".encode())
        for each in run_loggers(trainer):
            each.add_config(config, provenance, first_step)
        if on_begin is not None:
            on_begin()
    logger.info(
        "run folder: %s%s",
        shown_path(run.path),
        f", resumed at step {first_step}" if resumed else "",
    )
    with handlers_kept(), restoring(trainer, *resumed) if resumed else nullcontext():
        trainer.fit(module, datamodule=data, ckpt_path=resumed[0] if resumed else None)
    return _best_value(trainer, module.objective.criterion)


def _best_value(trainer: pl.Trainer, criterion: Criterion) -> float:
    """Returns what the checkpoints know; the last value where the run keeps none."""
    for each in trainer.checkpoint_callbacks:
        if isinstance(each, Checkpoints):
            return _number(each.best_value)
    return _number(float(trainer.callback_metrics.get(criterion.metric, nan)))


def _number(value: float | None) -> float:
    return nan if value is None or not isfinite(value) else value


def _require_same_run(config: Mapping[str, Any], run: RunFolder) -> None:
    """Raises UserError where the folder holds a run of another configuration."""
    if not run.config.is_file():
        return
    changed = changes(read_config(run.config), config)
    if changed:
        raise UserError(
            f"{run.path} holds a run of another configuration ({'; '.join(changed)}).  "
            f"{another_run(run.path)}; or continue this one with resume={run.path}"
        )


def _new_model(config: Mapping[str, Any], speakers: list[str]) -> SpeechModel:
    torch.manual_seed(keyed_seed(config["seed"], "initial weights"))
    model = build(model_config(config), speakers)
    # Lightning converts it too, but only after it has read a checkpoint into it.
    return model.double() if config["trainer"].get("precision") == "64-true" else model


def _feature_means(
    model: SpeechModel, data: SpeechData, config: Mapping[str, Any]
) -> FeatureMeans | None:
    """Returns what the features are centered on, computed for the whole corpus; None for none."""
    if not isinstance(model, CodeModel) or not model.encoder.features.needs_mean:
        return None
    features = model.encoder.features
    of_speakers = features.normalization == "speaker"
    means = FeatureMeans(features, data.corpus, of_speakers)
    means.compute_all(feature_settings(config["encoder"]))
    return means


def _start(model: SpeechModel, data: SpeechData, config: Mapping[str, Any]) -> None:
    """Gives a new run's model its first state: from the data, then from other checkpoints."""
    batches = list(data.sample(NUM_FEATURE_BATCHES, "features"))
    means = [batch.feature_mean for batch in batches if batch.feature_mean is not None]
    model.fit(
        (model.normalize(batch.waveform[:, data.plan.encoder_input]) for batch in batches),
        means or None,
    )
    if isinstance(model, CodeModel):
        model.encoder.load_pretrained()
    if config["init_from"] is not None:
        for line in initialize_from(model, model_config(config), config["init_from"]):
            logger.info("%s", line)


def _lightning_module(
    config: Mapping[str, Any], model: SpeechModel, data: SpeechData
) -> WaveformTraining:
    names = data.corpus.speakers
    unknown = [name for name in names if name not in model.speakers]
    if unknown:
        logger.warning(
            "%s not in the training split: the unknown-speaker embedding stands for %s",
            counted(len(unknown), "speaker"),
            ", ".join(map(printable, unknown)),
        )
    torch.manual_seed(keyed_seed(config["seed"], "initial weights of the objective"))
    objective = _objective(config["objective"], **_known_to_terms(model, data))
    if config["trainer"].get("precision") == "64-true":
        objective.double()
    return WaveformTraining(
        model=model,
        objective=objective,
        optimization=instantiate(config["optimizer"], OptimizerConfig),
        plan=data.plan,
        seed=config["seed"],
        speaker_rows=torch.tensor([model.speaker_row(name) for name in names]),
        model_config=model_config(config),
    )


def _known_to_terms(model: SpeechModel, data: SpeechData) -> dict[str, Any]:
    """Arguments of terms that follow from the model and the data."""
    known: dict[str, Any] = {
        "num_codes": data.plan.num_codes,
        "utterances": data.corpus.keys,
        "fingerprint": data.corpus.fingerprint,
    }
    if isinstance(model, CodeModel):
        known |= {
            "bottlenecks": {stream.name: stream.bottleneck for stream in model.code_streams},
            "default_code_weighting": {
                stream.name: stream.bottleneck.code_weighting for stream in model.code_streams
            },
            "latent_dim": model.encoder.dim,
            "context_dim": model.context_dim,
            "first_code": float(model.window_chain.grid().anchor(0)),
            "code_hop": float(model.hop),
        }
    return known


def _objective(nodes: Mapping[str, Any], **derived: Any) -> Objective:
    try:
        terms = {
            name: instantiate(node, ObjectiveTerm, **derived)
            for name, node in nodes.items()
            if node is not None
        }
        return Objective(terms)
    except ValueError as error:
        raise UserError(f"objective: {error}") from None


def _trainer(
    config: Mapping[str, Any], run: RunFolder, first_step: int, ending: Ending
) -> pl.Trainer:
    callbacks = [*_callbacks(config, run), ending]
    places = {"run_folder": str(run.path), "first_step": first_step}
    kind: type = Logger  # abstract, which mypy refuses as a class to build
    loggers: list[Logger] = _instantiate_all(config["logger"], kind, **places)
    plugins: list[Any] = [DurableCheckpointIO()]
    if SLURMEnvironment.detect():
        plugins.append(SLURMEnvironment(auto_requeue=False))  # the launcher requeues
    # Windows of a packed corpus are read faster than worker processes could hand them over;
    # the other is Lightning's own use of torch.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # What is logged at a validation is summed over processes already.
    warnings.filterwarnings("ignore", message=".*recommended to use `self.log.*sync_dist=True")
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    # Frozen parts and pretrained encoders are meant to be in evaluation mode.
    warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
    node = dict(config["trainer"])
    if node.get("precision") == "64-true":
        plugins.append(Float64())
        del node["precision"]
    accumulate = node.get("accumulate_grad_batches", 1)
    return _lightning_trainer(
        node,
        callbacks=callbacks,
        logger=[
            CSVLog(run.metrics, first_step),
            HistogramLog(run.histograms, first_step),
            *loggers,
        ],
        plugins=plugins,
        default_root_dir=str(run.path),
        max_epochs=-1,
        val_check_interval=config["validate_every_n_steps"] * accumulate,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_checkpointing=any(isinstance(each, pl.callbacks.Checkpoint) for each in callbacks),
        enable_progress_bar=any(isinstance(each, pl.callbacks.ProgressBar) for each in callbacks),
    )


def _callbacks(config: Mapping[str, Any], run: RunFolder) -> list[pl.Callback]:
    """Returns the callbacks, with the monitors before those that read what monitors log."""
    derived = {"run_folder": str(run.path), "config": config}
    callbacks = _instantiate_all(config["callbacks"], pl.Callback, **derived)
    readers = [each for each in callbacks if getattr(each, "reads_monitors", False)]
    others = [each for each in callbacks if each not in readers]
    monitors = _instantiate_all(config["monitors"], pl.Callback, **derived)
    return [*others, *monitors, *readers]


def _lightning_trainer(node: Mapping[str, Any], **derived: Any) -> pl.Trainer:
    """Makes Lightning's Trainer; what it refuses is a mistake in the configuration."""
    try:
        return instantiate(node, pl.Trainer, LIGHTNING, **derived)
    except (MisconfigurationException, ValueError, RuntimeError, TypeError, ImportError) as error:
        keys = ("accelerator", "devices", "strategy", "precision")
        given = ", ".join(f"trainer.{key}={node[key]}" for key in keys if key in node)
        sentence = str(error).strip().split("\n")[0].split(". ")[0].rstrip(".!")
        raise UserError(f"trainer.* cannot be used here ({given}): {sentence}.") from None


def _instantiate_all(
    nodes: Mapping[str, Any] | None, kind: type[Object], **derived: Any
) -> list[Object]:
    given = [node for node in (nodes or {}).values() if node is not None]
    return [instantiate(node, kind, LIGHTNING, **derived) for node in given]
