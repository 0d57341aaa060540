"""Checks that the sizes of a configuration fit together, before any recording is read."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import torch

from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import resolve
from wavenet_ae.models import CodeModel, SpeechModel, build
from wavenet_ae.models.build import model_config
from wavenet_ae.objectives import ObjectiveTerm
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
    window_samples(model, config["data"]["window_seconds"])
    if isinstance(model, CodeModel):
        model.encoder.load_pretrained()
    if config["init_from"] is not None:
        initialize_from(model, model_config(config), config["init_from"])
    return model


def decides_sizes(config: Mapping[str, Any]) -> list[Any]:
    """Returns the values that decide what `check_sizes` finds in a new run."""
    needed = [node["_target_"] for node in config["objective"].values() if node]
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
        model: Whose hop counts.
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
