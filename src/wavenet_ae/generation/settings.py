"""The settings of `wavenet-ae generate`, checked before anything slow is imported or made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from wavenet_ae.model_paths import checkpoint_in, name_of
from wavenet_ae.runs import BEST, RunFolder
from wavenet_ae.schema import (
    NonNegative,
    NonNegativeNumber,
    Positive,
    PositiveFraction,
    PositiveNumber,
    binding_problems,
    require_none,
)

ENCODING = ("encode", "submission")
FROM_RECORDINGS = ("reconstruct", "convert", *ENCODING)
GENERATING = ("reconstruct", "convert", "decode", "sample")
# Which tasks read a setting; those that are not named are read by all.
READ_BY = {
    "input": FROM_RECORDINGS,
    "codes": ("decode",),
    "max_utterances": (*FROM_RECORDINGS, "decode"),
    "seconds": ("sample",),
    "num_samples": ("sample",),
    "smoothing": ENCODING,
    "speaker": ("convert", "decode", "sample"),
    **dict.fromkeys(
        ("temperature", "top_k", "top_p", "seed", "format", "batch_size", "engine"), GENERATING
    ),
}
REQUIRED = {
    "checkpoint": ((*GENERATING, *ENCODING), "checkpoint=<run folder>"),
    "input": (FROM_RECORDINGS, "input=<a recording, a folder of them, or a table .tsv>"),
    "codes": (("decode",), "codes=<a .npy file, a folder of them, or units.tsv>"),
    "speaker": (("convert",), "speaker=<the speaker to convert to>"),
}
TEXTS = ("checkpoint", "out", "input", "codes", "speaker")  # `speaker=1688` is a name


@dataclass(frozen=True)
class GenerationSettings:
    """The values of conf/generate.yaml, which explains each of them."""

    task: Literal["reconstruct", "convert", "encode", "decode", "sample", "submission"] = (
        "reconstruct"
    )
    checkpoint: str | None = None
    out: str | None = None
    overwrite: bool = False
    input: str | list[str] | None = None
    codes: str | None = None
    max_utterances: Positive | None = None
    seconds: PositiveNumber = 5
    num_samples: Positive = 1
    smoothing: NonNegativeNumber = 0
    speaker: str | None = None
    temperature: NonNegativeNumber = 1
    top_k: NonNegative = 0
    top_p: PositiveFraction = 1
    seed: NonNegative = 1
    format: Literal["wav", "flac"] = "wav"
    batch_size: Positive = 8
    engine: str = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @property
    def inputs(self) -> list[Path]:
        """The recordings, folders of them and tables that are read."""
        given = self.input or []
        return [Path(each).expanduser() for each in ([given] if isinstance(given, str) else given)]

    @property
    def destination(self) -> Path:
        """The folder of the results."""
        if self.out is not None:
            return Path(self.out).expanduser()
        checkpoint = Path(self.checkpoint or "").absolute()
        run = RunFolder.containing(checkpoint)
        name = run.name if run else name_of(checkpoint)
        return Path("outputs") / "generated" / name / self.task


def check_settings(config: Mapping[str, Any]) -> GenerationSettings:
    """Checks a plain configuration.  Raises one UserError that lists all problems."""
    config = {key: _text(value) if key in TEXTS else value for key, value in config.items()}
    require_none(binding_problems(GenerationSettings, config))
    if config.get("checkpoint") and "\0" not in config["checkpoint"]:
        config["checkpoint"] = str(checkpoint_in(config["checkpoint"]))
    settings = GenerationSettings(**config)
    require_none([*_missing(settings), *_unread(settings), *_path_problems(settings)])
    return settings


def _text(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value


def _missing(settings: GenerationSettings) -> Iterator[str]:
    for name, (tasks, remedy) in REQUIRED.items():
        if settings.task in tasks and not getattr(settings, name):
            yield f"{name} is not set, but task={settings.task} needs it: set {remedy}"


def _unread(settings: GenerationSettings) -> Iterator[str]:
    """Yields settings that would be ignored."""
    for field in fields(settings):
        tasks = READ_BY.get(field.name, (settings.task,))
        if settings.task not in tasks and getattr(settings, field.name) != field.default:
            yield (
                f"{field.name} is read by task={', '.join(tasks)} only: "
                f"remove it, or choose another task than {settings.task}"
            )


def _path_problems(settings: GenerationSettings) -> Iterator[str]:
    named = [(name, getattr(settings, name) or "") for name in ("checkpoint", "out", "codes")]
    named += [("input", str(each)) for each in settings.inputs]
    for name, given in named:
        if "\0" in given:
            yield f"{name} is {given!r}, but no file's name has a NUL character: remove it"
            return
    if settings.checkpoint and os.path.isdir(folder := Path(settings.checkpoint).expanduser()):
        found = sorted(folder.glob(f"**/{BEST}")) or sorted(folder.glob("**/*.ckpt"))
        remedy = f"set checkpoint={found[-1]}" if found else "it holds no checkpoints"
        yield f"checkpoint is {settings.checkpoint!r}, a folder, but must be a file: {remedy}"
    for name, given in named:
        is_read = name in ("input", "codes") and given
        if is_read and not os.path.exists(Path(given).expanduser()):
            yield f"{name} is {given!r}, but there is no such file or folder"
    out = settings.destination.resolve()
    for folder in filter(os.path.isdir, settings.inputs):
        if out.is_relative_to(folder.resolve()):
            yield (
                f"out={out} lies in input={folder.resolve()}, and would be input the next time: "
                "choose another folder"
            )
    if os.path.isfile(settings.destination):
        yield f"out is {str(settings.destination)!r}, a file, but must be a folder"
