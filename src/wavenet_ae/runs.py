"""The files of a run: where each lies in the run's folder, and what it is called.

config.yaml         the run's configuration, written once
model.txt           the layers of the model: positions, receptive fields, parameters
provenance.jsonl    a line for each start: command, code, versions
metrics.csv         scalars            histograms.jsonl    histograms
train.log           what the run has logged as text
threads.jsonl       with how many threads it computed, and from which step on
checkpoints/        step-00000500.ckpt, ..., best.ckpt, each with its .sha256
samples/            step-00000500/*.wav and *.png: audio samples
tensorboard/        event files        wandb_id.txt        the id of the W&B run
failed.txt          of a run in a sweep: why it failed
refused.yaml        of a run in a sweep that never began: its configuration
run.lock            held by the process that trains; run.owner says which that is
completed.json      of a stage of a recipe that has ended: its last step and its result

`latest` names the run that was started last in this working directory, to which the link
outputs/latest leads.

The folder of a recipe has `recipe.yaml`, the configurations of all stages, and for each stage, in
their order, a folder of a run: 1-contrast, 2-student, 3-decoder.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

BEST = "best.ckpt"  # also the name under which users look for a checkpoint below any folder
CHECKPOINTS = "checkpoints"
STEP = "step-"
LATEST = "latest"
OUTPUTS = Path("outputs")
STAGE_FOLDER = re.compile(r"[1-9]\d*-.+")


class RunFolder:
    """The folder of a run, as the names of its files.  It need not exist.

    Args:
        path: The run's folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    @classmethod
    def containing(cls, checkpoint: Path) -> RunFolder | None:
        """Returns the run folder in whose `checkpoints/` a file lies; None where it lies in none.

        Args:
            checkpoint: A checkpoint file, which need not exist.
        """
        folder = checkpoint.absolute().parent
        return cls(folder.parent) if folder.name == CHECKPOINTS else None

    @property
    def name(self) -> str:
        """Name of the run; that of a stage has the name of its recipe before its own."""
        whole = self.whole
        return self.path.name if whole is self else f"{whole.path.name}/{self.path.name}"

    @property
    def whole(self) -> RunFolder:
        """The recipe of which this run is a stage, otherwise the run itself."""
        above = RunFolder(self.path.absolute().parent)
        is_stage = STAGE_FOLDER.fullmatch(self.path.name) and above.recipe.is_file()
        return above if is_stage else self

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def model_summary(self) -> Path:
        return self.path / "model.txt"

    @property
    def provenance(self) -> Path:
        return self.path / "provenance.jsonl"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def histograms(self) -> Path:
        return self.path / "histograms.jsonl"

    @property
    def log(self) -> Path:
        return self.path / "train.log"

    @property
    def threads(self) -> Path:
        return self.path / "threads.jsonl"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def wandb_id(self) -> Path:
        return self.path / "wandb_id.txt"

    @property
    def failed(self) -> Path:
        return self.path / "failed.txt"

    @property
    def refused(self) -> Path:
        return self.path / "refused.yaml"

    @property
    def lock(self) -> Path:
        return self.path / "run.lock"

    @property
    def completed(self) -> Path:
        return self.path / "completed.json"

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    def stage(self, number: int, name: str) -> RunFolder:
        """Returns the run of a recipe's stage; the first one has number 1."""
        return RunFolder(self.path / f"{number}-{name}")

    @property
    def meant(self) -> RunFolder:
        """The run that a folder stands for: the last stage of a recipe, otherwise its own run."""
        if not self.recipe.is_file():
            return self
        found = [each for each in self.path.glob("*/") if STAGE_FOLDER.fullmatch(each.name)]
        last = max(found, key=lambda each: int(each.name.partition("-")[0]), default=self.path)
        return RunFolder(last)

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    @property
    def best_checkpoint(self) -> Path:
        return self.checkpoints / BEST

    def step_checkpoint(self, step: int) -> Path:
        """Returns the checkpoint after `step` optimizer steps."""
        return self.checkpoints / f"{_step_name(step)}.ckpt"

    def step_checkpoints(self) -> list[Path]:
        """Returns the checkpoints that were written step by step, oldest first."""
        return sorted(self.checkpoints.glob(f"{STEP}*.ckpt"))

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    def step_samples(self, step: int) -> Path:
        """Returns the folder of the audio samples after `step` optimizer steps."""
        return self.samples / _step_name(step)

    def has_begun(self) -> bool:
        """Returns whether a run has begun here; one that fails early has no configuration."""
        files = (self.config, self.failed, self.log, self.recipe)
        return any(file.is_file() for file in files)


def named_run(path: str | os.PathLike[str]) -> Path:
    """Returns a path as it is, or the folder of the last run for `latest`.

    Args:
        path: As a user has given it; a file or folder of the name `latest` is meant by it.
    """
    given = Path(os.path.expanduser(path))
    if str(given) != LATEST or os.path.lexists(given):
        return given
    return Path(os.path.realpath(OUTPUTS / LATEST))


def link_latest(folder: Path) -> None:
    """Makes outputs/latest a link to a run in the folder `outputs`, where links can be made.

    Args:
        folder: The run's folder; one elsewhere is not linked.
    """
    outputs = OUTPUTS.absolute()
    if not folder.absolute().is_relative_to(outputs):
        return
    link, unfinished = outputs / LATEST, outputs / f".{LATEST}.{os.getpid()}"
    if os.path.lexists(link) and not link.is_symlink():
        return
    with suppress(OSError):  # some file systems have no links
        unfinished.symlink_to(folder.absolute().relative_to(outputs), target_is_directory=True)
        unfinished.replace(link)


def runs_in(folder: Path) -> list[Path]:
    """Returns the run folders in a folder, such as that of a sweep, 2 before 10.

    A recipe is one run: its stages are not listed.
    """
    if RunFolder(folder).recipe.is_file():
        return []
    folders = [each for each in folder.glob("*/") if each.name != LATEST]
    found = [each for each in folders if RunFolder(each).has_begun()]
    return sorted(found, key=lambda each: _natural(each.name))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(number or -1), text) for number, text in re.findall(r"(\d+)|(\D+)", name)]


def step_of(checkpoint: Path) -> int:
    """Returns the optimizer step of a checkpoint that `RunFolder.step_checkpoint` has named."""
    return int(checkpoint.stem.removeprefix(STEP))


def _step_name(step: int) -> str:
    return f"{STEP}{step:08d}"
