"""A trained model from its checkpoint, for use anywhere."""

from __future__ import annotations

from pathlib import Path

from wavenet_ae.checkpoint import SECTION, read_checkpoint
from wavenet_ae.models import WaveformModel, build

PREFIX = "model."  # where the Lightning module keeps the model


def load(checkpoint: str | Path) -> WaveformModel:
    """The model of a checkpoint as a plain torch module, on the CPU, in evaluation mode.

    `.speakers` are the names of the speakers that it knows.  Raises UserError where the file is
    missing, damaged, of another format, or would execute code.
    """
    content = read_checkpoint(checkpoint)
    section = content[SECTION]
    model = build(section["config"], section["speakers"])
    weights = {
        name.removeprefix(PREFIX): value
        for name, value in content["state_dict"].items()
        if name.startswith(PREFIX)
    }
    model.load_state_dict(weights)
    return model.eval()
