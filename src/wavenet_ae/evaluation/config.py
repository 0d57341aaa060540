"""Configuration of an evaluation, checked before anything slow is imported or measured."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.evaluation.parts import part_ids
from wavenet_ae.evaluation.results import FILE
from wavenet_ae.model_paths import checkpoint_in, name_of, names_hint
from wavenet_ae.runs import BEST, RunFolder
from wavenet_ae.schema import (
    Fraction01,
    NonNegative,
    NonNegativeNumber,
    Positive,
    PositiveNumber,
    binding_problems,
    require_none,
)

LISTS = ("checkpoints", "report")  # a single entry needs no brackets
MOST_NAMES = 3  # in the name of a folder


@dataclass(frozen=True)
class EvaluationConfig:
    """Configuration of the evaluation of one checkpoint; conf/evaluate.yaml explains each key."""

    checkpoint: str | None = None
    data: Mapping[str, Any] | None = None
    out: str | None = None
    metrics: tuple[str, ...] | list[str] = ()
    split: Literal["train", "validation", "test", "all"] | None = None
    seed: NonNegative = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    num_utterances: Positive = 8
    max_seconds: PositiveNumber = 5
    temperature: NonNegativeNumber = 1
    engine: str = "auto"
    labels: str = "beside"
    suffix: Literal[".phn", ".wrd", ".TextGrid"] = ".phn"
    tier: str = ""
    mapping: str = "none"
    smoothing: NonNegativeNumber = 2
    max_rejected_labels: Fraction01 = 0.2
    probe_frames: Positive = 10_000
    probe_seeds: Positive = 3
    max_abx_items: Positive = 50_000

    @property
    def chosen_split(self) -> str:
        """Split to evaluate on; by default, validation of the run's data and all of other data."""
        return self.split or ("validation" if self.is_own_data else "all")

    @property
    def is_own_data(self) -> bool:
        """Whether the data is that of the training run; `data` may then say where it is now."""
        return self.data is None or "_target_" not in self.data

    @property
    def file(self) -> Path:
        """The checkpoint."""
        assert self.checkpoint is not None
        return checkpoint_in(self.checkpoint)

    @property
    def run_folder(self) -> Path | None:
        """Folder of the training run, or None where the checkpoint lies in none."""
        run = RunFolder.containing(self.file)
        return run.path if run and run.config.is_file() else None

    @property
    def destination(self) -> Path:
        """Folder of the results."""
        if self.out is not None:
            return Path(self.out).expanduser()
        folder = self.run_folder
        name = RunFolder(folder).name if folder else name_of(self.file)
        return Path("outputs") / "evaluated" / name


def check_config(config: Mapping[str, Any]) -> EvaluationConfig:
    """Checks the configuration of one evaluation.

    Raises:
        UserError: Lists all problems of a plain configuration.
    """
    if isinstance(config.get("metrics"), str):
        config = {**config, "metrics": [config["metrics"]]}
    require_none(binding_problems(EvaluationConfig, config))
    checked = EvaluationConfig(**config)
    require_none(_problems(checked))
    return checked


def _problems(config: EvaluationConfig) -> Iterator[str]:
    known = part_ids()
    for part in config.metrics:
        if part not in known:
            yield f"metrics has {part!r}; there are {', '.join(known)}.{nearest(part, known)}"
    if not config.checkpoint:
        yield "checkpoint is not set: set checkpoint=<run folder>"
        return
    if os.path.isdir(config.file):
        found = sorted(config.file.glob(f"**/{BEST}"))
        remedy = f"set checkpoint={found[-1]}" if found else f"it has no {BEST}"
        yield f"checkpoint is {config.checkpoint!r}, a folder, but must be a file: {remedy}"
    elif not os.path.exists(config.file):
        yield (
            f"checkpoint is {config.checkpoint!r}, but there is no such file or run folder."
            + names_hint(config.checkpoint)
        )
    elif config.is_own_data and config.run_folder is None:
        yield (
            f"data is not set, and {config.file} is in no run folder that names its data: set, for "
            "example, data=folder data.root=<recordings>"
        )
    if os.path.isfile(config.destination):
        yield f"out is {str(config.destination)!r}, a file, but must be a folder"


@dataclass(frozen=True)
class CommandConfig:
    """What `wavenet-ae evaluate` is to do: evaluate checkpoints, and write one page.

    Attributes:
        evaluations: Configuration of each evaluation to make; none for a page of earlier ones.
        files: evaluation.json of each model, in the order of the page.
        folder: Folder of the page.
    """

    evaluations: Sequence[EvaluationConfig]
    files: Sequence[Path]
    folder: Path


@dataclass(frozen=True)
class _Keys:
    checkpoint: str | None = None
    checkpoints: Sequence[str] = ()
    report: Sequence[str] = ()
    out: str | None = None


def check_command(config: Mapping[str, Any]) -> CommandConfig:
    """Checks the configuration of the command: one checkpoint, several, or earlier evaluations.

    Raises:
        UserError: Lists all problems of a plain configuration.
    """
    given = {name: config[name] for name in _Keys.__dataclass_fields__ if name in config}
    given |= {name: [given[name]] for name in LISTS if isinstance(given.get(name), str)}
    require_none(binding_problems(_Keys, given))
    keys = _Keys(**given)
    rest = {name: value for name, value in config.items() if name not in LISTS}
    named = [name for name in ("checkpoint", *LISTS) if getattr(keys, name)]
    if len(named) > 1:
        raise UserError(f"{' and '.join(named)} are set: only one of them can be")
    if keys.report:
        return _earlier_evaluations(keys, rest)
    if keys.checkpoints:
        return _several_evaluations(keys, rest)
    one = check_config(rest)
    return CommandConfig([one], [one.destination / FILE], one.destination)


def _several_evaluations(keys: _Keys, rest: Mapping[str, Any]) -> CommandConfig:
    files = [checkpoint_in(each).resolve() for each in keys.checkpoints]
    require_none(_absent_or_twice(files))
    # Without out, each has the name that it has alone.
    alone = [check_config({**rest, "checkpoint": each, "out": None}) for each in keys.checkpoints]
    names = unique_names([each.destination.name for each in alone])
    folder = alone[0].destination.parent / _joined(names)
    folder = folder if keys.out is None else Path(keys.out).expanduser()
    each = [
        check_config({**rest, "checkpoint": file, "out": str(folder / name)})
        for file, name in zip(keys.checkpoints, names, strict=True)
    ]
    return CommandConfig(each, [one.destination / FILE for one in each], folder)


def _absent_or_twice(files: Sequence[Path]) -> Iterator[str]:
    for number, file in enumerate(files):
        if not os.path.exists(file):
            yield f"checkpoints has {str(file)!r}, but there is no such file.{names_hint(file)}"
        if file in files[:number]:
            yield f"checkpoints names {str(file)!r} twice: remove one"


def unique_names(names: Sequence[str]) -> list[str]:
    """Returns names in which the second NAME is NAME-2, or the next number that is free."""
    found: list[str] = []
    for name in names:
        number = 1
        while (own := name if number == 1 else f"{name}-{number}") in found:
            number += 1
        found.append(own)
    return found


def _joined(names: Sequence[str]) -> str:
    if len(names) > MOST_NAMES:
        return f"{names[0]}+{len(names) - 1}_others"
    return "+".join(names)


def _earlier_evaluations(keys: _Keys, rest: Mapping[str, Any]) -> CommandConfig:
    """Reads which evaluations to report; no key that says how to measure may be set with them."""
    unused = [
        each.name
        for each in fields(EvaluationConfig)
        if each.name != "out"
        and (rest.get(each.name, each.default) or None) != (each.default or None)
    ]
    if unused:
        raise UserError(
            f"report is set, with which nothing is measured: remove {', '.join(unused)}"
        )
    folders = [Path(each).expanduser() for each in keys.report]
    if len(folders) > 1 and keys.out is None:
        raise UserError("out is not set: set out=<folder> for the page of several")
    files = [file for each in folders for file in _earlier_files(each)]
    folder = folders[0] if keys.out is None else Path(keys.out).expanduser()
    return CommandConfig([], files, folder)


def _earlier_files(folder: Path) -> list[Path]:
    """Returns evaluation.json of a folder, or of the folders in it."""
    own = folder / FILE
    found = [own] if own.is_file() else sorted(folder.glob(f"*/{FILE}"))
    if not found:
        raise UserError(
            f"report has {str(folder)!r}, in which there is no {FILE}: set a folder that "
            "`wavenet-ae evaluate` has written, such as outputs/evaluated/NAME"
        )
    return found
