"""What evaluate.py is asked for, checked before anything slow is imported or made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wavenet_ae.errors import nearest
from wavenet_ae.runs import BEST, RunFolder
from wavenet_ae.schema import (
    NonNegative,
    NonNegativeNumber,
    Positive,
    PositiveNumber,
    binding_problems,
    require_none,
)

PARTS = ("certificates", "likelihood", "bitrate", "sounds", "units", "probes", "abx")
FILE = "evaluation.json"  # in the destination


@dataclass(frozen=True)
class Settings:
    """conf/evaluate.yaml says what each means."""

    checkpoint: str | None = None
    data: Mapping[str, Any] | None = None
    out: str | None = None
    parts: tuple[str, ...] | list[str] = ()
    split: Literal["train", "validation", "test", "all"] | None = None
    seed: NonNegative = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    sounds: Positive = 8
    seconds: PositiveNumber = 5
    temperature: NonNegativeNumber = 1
    engine: str = "auto"
    labels: str = "beside"
    suffix: Literal[".phn", ".wrd", ".TextGrid"] = ".phn"
    tier: str = ""
    mapping: str = "none"
    probe_frames: Positive = 10_000
    probe_seeds: Positive = 3
    abx_items: Positive = 50_000

    @property
    def wanted(self) -> tuple[str, ...]:
        """Parts, in their order."""
        return tuple(each for each in PARTS if not self.parts or each in self.parts)

    @property
    def asked_split(self) -> str:
        return self.split or ("validation" if self.is_own_data else "all")

    @property
    def is_own_data(self) -> bool:
        """Whether it is that of the run, which may lie elsewhere now: `data` then says where."""
        return self.data is None or "_target_" not in self.data

    @property
    def file(self) -> Path:
        assert self.checkpoint is not None
        return Path(self.checkpoint).expanduser()

    @property
    def run_folder(self) -> Path | None:
        """Of the checkpoint's run, where it lies in one."""
        run = RunFolder.containing(self.file)
        return run.path if run and run.config.is_file() else None

    @property
    def destination(self) -> Path:
        if self.out is not None:
            return Path(self.out).expanduser()
        folder = self.run_folder
        return Path("outputs") / "evaluated" / (folder.name if folder else self.file.stem)


def check_settings(config: Mapping[str, Any]) -> Settings:
    """Raises one UserError that lists all problems of a plain configuration."""
    if isinstance(config.get("parts"), str):
        config = {**config, "parts": [config["parts"]]}
    require_none(binding_problems(Settings, config))
    settings = Settings(**config)
    require_none(_problems(settings))
    return settings


def _problems(settings: Settings) -> Iterator[str]:
    for part in settings.parts:
        if part not in PARTS:
            yield f"parts has {part!r}; there are {', '.join(PARTS)}.{nearest(part, PARTS)}"
    if not settings.checkpoint:
        yield f"checkpoint is not set: give checkpoint={RunFolder('<run folder>').best_checkpoint}"
        return
    if settings.file.is_dir():
        found = sorted(settings.file.glob(f"**/{BEST}"))
        remedy = f"give checkpoint={found[-1]}" if found else f"it holds no {BEST}"
        yield f"checkpoint is {settings.checkpoint!r}, a folder, but must be a file: {remedy}"
    elif settings.is_own_data and settings.run_folder is None:
        yield (
            f"data is not set, and {settings.file} lies in no run folder that would say: give, for "
            "example, data=folder data.root=<recordings>"
        )
    if settings.destination.is_file():
        yield f"out is {str(settings.destination)!r}, a file, but must be a folder"
