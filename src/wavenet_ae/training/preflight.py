"""Checks that the sizes of a configuration fit together, before any recording is read."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import torch

from wavenet_ae.checkpoint_model import config_of
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import resolve
from wavenet_ae.model_folder import read_model
from wavenet_ae.models import CodeModel, SpeechModel, build
from wavenet_ae.models.build import model_config
from wavenet_ae.objectives import MaskedPrediction, ObjectiveTerm
from wavenet_ae.resume import values_by_key
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.freezing import frozen_parts
from wavenet_ae.training.warm_start import initialize_from
from wavenet_ae.types import ModelOutput

HOP_TOLERANCE = 0.2  # of a hop
LACKING = {"nll": "the predictions of a decoder", "latents": "the latents of an encoder"}


def check_sizes(config: Mapping[str, Any]) -> SpeechModel | None:
    """Builds the model with a single speaker, and runs it on the shortest window; that must have
    what the terms of the objective read.

    Returns:
        The model; None of a run that has begun, whose model is that of its checkpoint.

    Raises:
        UserError: Sizes do not fit together.
    """
    if RunFolder(config["run_folder"]).step_checkpoints():
        return None
    try:
        model = build(model_config(config), ["speaker"])
        _require_long_window(model, config["data"]["window_seconds"])
        output = _run_one_hop(model)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"The model cannot be built: {error}") from None
    _require_read(config, output)
    frozen_parts(model, config["optimizer"].get("frozen", ()))
    _require_masks(config, model)
    window_samples(model, config["data"]["window_seconds"])
    if isinstance(model, CodeModel):
        model.encoder.load_pretrained()
        _require_described(config["encoder"])
    if config["init_from"] is not None:
        initialize_from(model, model_config(config), config["init_from"])
    return model


def decides_sizes(config: Mapping[str, Any]) -> list[Any]:
    """Returns the values that decide what `check_sizes` finds in a new run."""
    terms = [node for node in config["objective"].values() if node]
    needed = [(node["_target_"], node.get("positions")) for node in terms]
    sizes = [model_config(config), needed, config["data"]["window_seconds"], config["init_from"]]
    return [*sizes, config["optimizer"].get("frozen")]


def _require_read(config: Mapping[str, Any], output: ModelOutput) -> None:
    """Raises UserError where a term of the objective reads what the model does not have."""
    for name, node in config["objective"].items():
        needs = resolve(node["_target_"], ObjectiveTerm).needs if node else None
        if needs is not None and getattr(output, needs) is None:
            model = str(config["model"]["_target_"]).rpartition(".")[2]
            raise UserError(
                f"objective.{name} reads {LACKING[needs]}, but {model} has none: choose another "
                f"objective or model, or set objective.{name}=null"
            )


def _require_long_window(model: SpeechModel, window_seconds: float) -> None:
    """Raises UserError where a window is shorter than what the encoder asks for."""
    least = model.encoder.min_window_samples if isinstance(model, CodeModel) else 0
    rate = model.sample_rate
    if round(window_seconds * rate) < least:
        fits = float(ceil(least / model.hop) * model.hop) / rate
        raise UserError(
            f"a latent reads {least / rate:g} s ({least} samples), more than the window, "
            f"data.window_seconds={window_seconds:g}: set data.window_seconds={fits:g}, or lower "
            "encoder.num_blocks, or kernel or dilations of encoder.stacks"
        )


def _require_described(encoder: Mapping[str, Any]) -> None:
    """Raises UserError where a checkpoint's encoder is described otherwise than it was trained.

    Weights of the right shapes would be loaded and compute something else, for example with other
    dilations, or features with another mean.
    """
    if "checkpoint" not in encoder or "encoder" not in encoder:
        return
    path = encoder["checkpoint"]
    trained_encoder = config_of(path, read_model(path)).get("encoder")
    if not isinstance(trained_encoder, Mapping):
        raise UserError(
            f"encoder.checkpoint={path} holds no encoder: use the checkpoint of an autoencoder"
        )
    then, now = values_by_key(trained_encoder), values_by_key(encoder["encoder"])
    for key, value in now.items():
        if key in then and then[key] != value and not key.startswith("perturbation."):
            own, trained = ("null" if each is None else each for each in (value, then[key]))
            raise UserError(
                f"encoder.encoder.{key} is {own}, but {trained} in the run of "
                f"encoder.checkpoint={path}: set encoder.encoder.{key}={trained}"
            )


def _require_masks(config: Mapping[str, Any], model: SpeechModel) -> None:
    """Raises UserError where masked codes alone are to count, but no input is ever masked."""
    for name, node in config["objective"].items():
        if not node or not issubclass(resolve(node["_target_"], ObjectiveTerm), MaskedPrediction):
            continue
        if node.get("positions") == "masked" and (why := _why_unmasked(config, model)):
            raise UserError(
                f"objective.{name}.positions is masked, but {why}, or set "
                f"objective.{name}.positions=all"
            )


def _why_unmasked(config: Mapping[str, Any], model: SpeechModel) -> str | None:
    """Returns why no input of the encoder is masked in training, and a remedy; None where it is."""
    if "encoder" in config["optimizer"].get("frozen", ()):
        return "the input of a frozen encoder is not masked: remove encoder from optimizer.frozen"
    if isinstance(model, CodeModel) and model.encoder.masks_frames:
        return None
    encoder = config["encoder"]
    if encoder.get("tuned") is False:
        return "the input of an encoder with encoder.tuned=false is not masked: set it to true"
    place = "encoder.encoder" if "encoder" in encoder else "encoder"
    if "perturbation" not in encoder.get("encoder", encoder):
        kind = str(encoder["_target_"]).rpartition(".")[2]
        return f"{kind} masks nothing of its input: choose another encoder"
    key = f"{place}.perturbation.time_mask_fraction"
    return f"{key} is 0: set it to the fraction of frames to mask, such as {key}=0.3"


@torch.no_grad()
def _run_one_hop(model: SpeechModel) -> ModelOutput:
    plan = model.window(int(model.hop))
    silence = torch.zeros(1, plan.slice_length, dtype=torch.int16)
    mean = model.average_feature_mean(1)
    speaker = torch.zeros(1, dtype=torch.int64)
    output: ModelOutput = model.eval()(silence, speaker, plan, feature_mean=mean)
    return output


def window_samples(model: SpeechModel, window_seconds: float) -> int:
    """Returns how many samples of a window are predicted: a multiple of the model's hop.

    A hop in seconds is rounded to samples (10 ms are 220.5 at 22 050 Hz), hence the tolerance of
    20 % of a hop.

    Args:
        model: The model whose hop counts.
        window_seconds: Which multiple it is meant to be.

    Raises:
        UserError: No multiple is so near.
    """
    asked, hop = window_seconds * model.sample_rate, int(model.hop)
    num_hops = max(1, round(asked / hop))
    if abs(num_hops * hop - asked) > HOP_TOLERANCE * hop:
        seconds = hop / model.sample_rate
        around = f"{asked // hop * seconds:g} or {(asked // hop + 1) * seconds:g}"
        raise UserError(
            f"data.window_seconds is {window_seconds}, but must be a multiple of the model's hop, "
            f"{seconds:g} s ({hop} samples at {model.sample_rate} Hz): "
            + (around if asked >= hop else f"{seconds:g}")
        )
    return num_hops * hop
