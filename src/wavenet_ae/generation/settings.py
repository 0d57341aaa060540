"""What generate.py is asked for, checked before anything slow is imported or made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from wavenet_ae.schema import (
    NonNegative,
    NonNegativeNumber,
    Positive,
    PositiveFraction,
    PositiveNumber,
    binding_problems,
    require_none,
)

OF_RECORDINGS = ("reconstruct", "convert", "encode")
SPEAKING = ("reconstruct", "convert", "decode", "sample")
# Which tasks read a setting; those that are not named are read by all.
READ_BY = {
    "input": OF_RECORDINGS,
    "codes": ("decode",),
    "limit": (*OF_RECORDINGS, "decode"),
    "seconds": ("sample",),
    "count": ("sample",),
    "speaker": ("convert", "decode", "sample"),
    **dict.fromkeys(
        ("temperature", "top_k", "top_p", "seed", "format", "streams", "engine"), SPEAKING
    ),
}
REQUIRED = {
    "checkpoint": ((*SPEAKING, "encode"), "checkpoint=<run folder>/checkpoints/best.ckpt"),
    "input": (OF_RECORDINGS, "input=<a recording, a folder of them, or a table .tsv>"),
    "codes": (("decode",), "codes=<a .npy file, a folder of them, or units.tsv>"),
    "speaker": (("convert",), "speaker=<whose voice the recordings are to get>"),
}
TEXTS = ("checkpoint", "out", "input", "codes", "speaker")  # `speaker=1688` is a name


@dataclass(frozen=True)
class Settings:
    """conf/generate.yaml says what each means."""

    task: Literal["reconstruct", "convert", "encode", "decode", "sample"] = "reconstruct"
    checkpoint: str | None = None
    out: str | None = None
    overwrite: bool = False
    input: str | None = None
    codes: str | None = None
    limit: Positive | None = None
    seconds: PositiveNumber = 5
    count: Positive = 1
    speaker: str | None = None
    temperature: NonNegativeNumber = 1
    top_k: NonNegative = 0
    top_p: PositiveFraction = 1
    seed: NonNegative = 1
    format: Literal["wav", "flac"] = "wav"
    streams: Positive = 8
    engine: str = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @property
    def destination(self) -> Path:
        if self.out is not None:
            return Path(self.out).expanduser()
        checkpoint = Path(self.checkpoint or "").absolute()
        in_run = checkpoint.parent.name == "checkpoints"
        run = checkpoint.parent.parent.name if in_run else checkpoint.stem
        return Path("outputs") / "generated" / run / self.task


def check_settings(config: Mapping[str, Any]) -> Settings:
    """Raises one UserError that lists all problems of a plain configuration."""
    config = {key: _text(value) if key in TEXTS else value for key, value in config.items()}
    require_none(binding_problems(Settings, config))
    settings = Settings(**config)
    require_none([*_missing(settings), *_unread(settings), *_path_problems(settings)])
    return settings


def _text(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value


def _missing(settings: Settings) -> Iterator[str]:
    for name, (tasks, remedy) in REQUIRED.items():
        if settings.task in tasks and not getattr(settings, name):
            yield f"{name} is not set, but task={settings.task} needs it: give {remedy}"


def _unread(settings: Settings) -> Iterator[str]:
    """No setting is ignored silently."""
    for field in fields(settings):
        tasks = READ_BY.get(field.name, (settings.task,))
        if settings.task not in tasks and getattr(settings, field.name) != field.default:
            yield (
                f"{field.name} is read by task={', '.join(tasks)} only: "
                f"leave it out of task={settings.task}"
            )


def _path_problems(settings: Settings) -> Iterator[str]:
    if settings.checkpoint and (folder := Path(settings.checkpoint).expanduser()).is_dir():
        found = sorted(folder.glob("**/best.ckpt")) or sorted(folder.glob("**/*.ckpt"))
        remedy = f"give checkpoint={found[-1]}" if found else "it holds no checkpoints"
        yield f"checkpoint is {settings.checkpoint!r}, a folder, but must be a file: {remedy}"
    for name in ("input", "codes"):
        given = getattr(settings, name)
        if given and not Path(given).expanduser().exists():
            yield f"{name} is {given!r}, but there is no such file or folder"
    if settings.input and Path(settings.input).expanduser().is_dir():
        folder, out = Path(settings.input).expanduser().resolve(), settings.destination.resolve()
        if out.is_relative_to(folder):
            yield f"out={out} lies in input={folder}, and would be input the next time: move it"
    if settings.destination.is_file():
        yield f"out is {str(settings.destination)!r}, a file, but must be a folder"
