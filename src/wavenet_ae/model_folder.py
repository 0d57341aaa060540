"""A model as a folder that can be shared: `model.safetensors`, `config.json` and a model card.

safetensors is a format that holds the names, kinds and values of tensors, and nothing that could
run.  `config.json` holds what else a model is made of: the configuration from which it is built,
the names of its speakers, and the SHA-256 of its weights.  Together they are what a checkpoint
holds of a model; of a training they hold nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from wavenet_ae.checkpoint import (
    FORMAT,
    SECTION,
    TENSORS_DIGEST,
    DamagedCheckpoint,
    read_checkpoint,
    require_format,
)
from wavenet_ae.checkpoint_model import MODEL_PREFIX
from wavenet_ae.errors import UserError
from wavenet_ae.model_paths import DESCRIPTION, WEIGHTS, checkpoint_in
from wavenet_ae.reading import fields_of, read_bytes, read_json
from wavenet_ae.storage import write_bytes
from wavenet_ae.tensors import digest_of_tensors, unplain

MODEL_TYPE = "wavenet_ae"
FIELDS = {"config": Mapping[str, Any], "speakers": list[str], TENSORS_DIGEST: str}


def read_model(path: str | Path) -> dict[str, Any]:
    """Returns what holds a model, however it is named, as the content of a checkpoint.

    Args:
        path: A checkpoint, a folder, or a name, see `wavenet_ae.model_paths`.

    Returns:
        A checkpoint, or for a folder of this module one that holds a model and no training.

    Raises:
        DamagedCheckpoint: A file is not as it was written.
        UserError: There is no such model, or its format is another one.
    """
    file = checkpoint_in(path)
    return _read_folder(file) if file.name == WEIGHTS else read_checkpoint(file)


def write_model(
    folder: Path, config: Mapping[str, Any], speakers: Sequence[str], weights: Mapping[str, Tensor]
) -> None:
    """Writes the two files of a model into a folder.

    Args:
        folder: The folder, which is made where there is none.
        config: From which the model is built.
        speakers: Names of its speakers.
        weights: Its `state_dict`.

    Raises:
        NotWritten: The disk is full, or the folder cannot be written.
    """
    from safetensors.torch import save

    # Each tensor by itself: safetensors takes none that share memory.
    own = {name: value.detach().cpu().contiguous().clone() for name, value in weights.items()}
    section = {
        "model_type": MODEL_TYPE,
        "format": FORMAT,
        "config": config,
        "speakers": list(speakers),
        TENSORS_DIGEST: digest_of_tensors(dict(sorted(own.items()))),
    }
    # The digest is that of the new weights: a crash in between leaves files that do not fit.
    write_bytes(folder / WEIGHTS, save(own))
    write_bytes(folder / DESCRIPTION, json.dumps(section, indent=2).encode() + b"\n")


def _read_folder(file: Path) -> dict[str, Any]:
    """Reads the weights of a model, and beside them what it is made of."""
    described = file.with_name(DESCRIPTION)
    try:
        section, content = read_json(described), read_bytes(file)
        if not isinstance(section, dict) or section.get("model_type") != MODEL_TYPE:
            raise UserError(f"{described} describes no model of wavenet_ae")
        require_format({SECTION: section}, described, DamagedCheckpoint)
        section = {"format": FORMAT, **fields_of(section, FIELDS, str(described))}
        weights = _tensors(content, file)
    except UserError as error:
        raise DamagedCheckpoint(f"the model in {file.parent} cannot be read: {error}") from None
    if digest_of_tensors(weights) != section[TENSORS_DIGEST]:
        raise DamagedCheckpoint(
            f"the model in {file.parent} is damaged: the SHA-256 of the weights in {file.name} is "
            f"not the {TENSORS_DIGEST} in {DESCRIPTION}"
        )
    state = {MODEL_PREFIX + name: value for name, value in weights.items()}
    return {"state_dict": state, SECTION: section}


def _tensors(content: bytes, file: Path) -> dict[str, Tensor]:
    """Returns the tensors in a file, sorted by their names."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        weights = dict(sorted(load(content).items()))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"{file} is damaged, or not of the format safetensors: {error}") from None
    if reason := unplain(weights, len(content)):
        raise UserError(f"{file} is refused: {reason}")
    return weights
