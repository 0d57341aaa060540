"""What names a model: one answer for `load`, and for every key of every command that takes one.

| given                        | the model                                                         |
| ---------------------------- | ----------------------------------------------------------------- |
| outputs/a/checkpoints/x.ckpt | this checkpoint                                                   |
| outputs/a                    | the best checkpoint of a run, or of the last stage of a recipe    |
| latest                       | that of the run that was started last in this working directory   |
| my-model                     | a folder that `save_pretrained` has written                       |
| speech-units-8k              | a trained model that comes with this package                      |
| hf://OWNER/NAME              | a folder like that on the Hugging Face Hub                        |

If a file or folder of that name exists, it is used; otherwise it names a model of this package.
"""

from __future__ import annotations

import os
from pathlib import Path

from wavenet_ae import hub
from wavenet_ae.errors import nearest
from wavenet_ae.runs import RunFolder, named_run

# Files of a folder that `save_pretrained` writes, as other libraries call them too.
WEIGHTS, DESCRIPTION, CARD = "model.safetensors", "config.json", "README.md"
SHIPPED = Path(__file__).with_name("weights")


def shipped_models() -> list[str]:
    """Returns the names of the trained models that come with this package."""
    return sorted(each.parent.name for each in SHIPPED.glob(f"*/{WEIGHTS}"))


def checkpoint_in(path: str | os.PathLike[str]) -> Path:
    """Returns the file that holds the model that is named.

    A run without a best checkpoint gives its newest one.

    Args:
        path: As in the table above.

    Returns:
        A checkpoint, or the weights in a folder of `save_pretrained`; the path itself where it is
        missing, or a folder without either.

    Raises:
        UserError: A model on the hub cannot be downloaded.
    """
    given, text = named_run(path), os.fspath(path)
    if not os.path.lexists(given):
        if hub.is_address(text):
            given = hub.download(text, WEIGHTS, DESCRIPTION)
        elif text in shipped_models():
            given = SHIPPED / text
    if not os.path.isdir(given):
        return given
    run = RunFolder(given).meant
    found = [run.best_checkpoint, *reversed(run.step_checkpoints()), given / WEIGHTS]
    return next((each for each in found if each.is_file()), given)


def name_of(file: Path) -> str:
    """Returns the name of a model, after which the folders of its results are called.

    Args:
        file: Its checkpoint or weights, in no folder of a run.
    """
    if file.name != WEIGHTS:
        return file.stem
    folder = file.absolute().parent
    return hub.cached_name(folder) or folder.name


def names_hint(path: str | os.PathLike[str]) -> str:
    """Returns a sentence for the error about a path that does not exist: names that do."""
    names = shipped_models()
    hint = nearest(os.path.basename(path), names)
    return f" Trained models by name:{hint.partition(':')[2]}" if ":" in hint else hint
