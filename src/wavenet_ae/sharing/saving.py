"""`save_pretrained` and `push_to_hub`: a model as a folder that others can load."""

from __future__ import annotations

import os
from pathlib import Path

from wavenet_ae import hub
from wavenet_ae.errors import ArgumentError, UserError
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.loading import fingerprint, load
from wavenet_ae.model_folder import write_model
from wavenet_ae.model_paths import CARD, DESCRIPTION, WEIGHTS
from wavenet_ae.models import SpeechModel
from wavenet_ae.models.build import without_paths
from wavenet_ae.sharing.card import model_card
from wavenet_ae.storage import write_bytes


def save_pretrained(
    model: SpeechModel,
    folder: str | Path,
    evaluation: str | Path | None = None,
    license: str | None = None,
) -> Path:
    """Writes a model into a folder that `load` reads, on any machine.

    `model.safetensors` holds the weights, and `config.json` what the model is made of and the names
    of its speakers.  `README.md` is a model card as the Hugging Face Hub shows it; one that is
    there already stays as it is.  Nothing of the training is written, and no path of this machine:
    a path that is part of the configuration, encoder.checkpoint, is cut to its file name.

    Args:
        model: The model, as `load` returns it.
        folder: The folder, which is made where there is none.
        evaluation: Folder that `wavenet-ae evaluate` has written of this model; the card shows its
            tables, controls included.
        license: Identifier of the license of the weights, such as `cc-by-4.0`, for the card.

    Returns:
        The folder.

    Raises:
        ArgumentError: The model was made neither by `load` nor from a configuration, or the folder
            has a card that evaluation or license would not get into.
        UserError: The evaluation is of another model, or cannot be read.
        NotWritten: The folder cannot be written.
    """
    if not model.config:
        raise ArgumentError(
            f"model is a {type(model).__name__} without a configuration, from which nobody could "
            "build it again: use one that wavenet_ae.load or models.build has made"
        )
    folder = Path(folder).expanduser()
    is_written = os.path.exists(folder / CARD)
    if is_written and (evaluation or license):
        raise ArgumentError(
            f"{folder / CARD} is there already, and evaluation and license would not get into it: "
            "remove the file, or leave them out"
        )
    result = None if evaluation is None else _evaluation(model, Path(evaluation).expanduser())
    write_model(folder, without_paths(model.config), model.speakers, model.state_dict())
    if not is_written:
        card = model_card(model, folder.resolve().name, result, license)
        write_bytes(folder / CARD, card.encode())
    return folder


def push_to_hub(folder: str | Path, repository: str, private: bool = False) -> str:
    """Uploads a folder of `save_pretrained` to the Hugging Face Hub.

    Afterwards `load("hf://OWNER/NAME")` loads it anywhere.  It needs `pip install
    'wavenet_ae[hub]'`, and a token (HF_TOKEN, or the command `hf auth login`).

    Args:
        folder: The folder; what it holds is loaded first, so that nothing damaged is uploaded.
        repository: `OWNER/NAME`; it is made where there is none.
        private: Whether a new repository is private.

    Returns:
        The address of the commit.

    Raises:
        UserError: The folder holds no model, the client is not installed, or the hub refuses.
    """
    folder = Path(folder).expanduser()
    load(folder / WEIGHTS)
    return hub.upload(folder, repository, (WEIGHTS, DESCRIPTION, CARD), private)


def _evaluation(model: SpeechModel, folder: Path) -> EvaluationResult:
    result = EvaluationResult.load(folder)
    if result.model["fingerprint"] != fingerprint(model, model.config):
        raise UserError(
            f"evaluation={folder} is of another model, {result.name}: evaluate this one, or leave "
            "evaluation out"
        )
    return result
