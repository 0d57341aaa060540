"""Of which models evaluate.py makes evaluations, or reads earlier ones, for one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import FILE, Settings, check_settings
from wavenet_ae.schema import binding_problems, require_none

LISTS = ("checkpoints", "report")  # of which one may be given without brackets
MOST_NAMES = 3  # in the name of a folder


@dataclass(frozen=True)
class Request:
    """evaluations  the settings of each that is to be made
    files   evaluation.json of all models, in the page's order
    folder  of the page
    """

    evaluations: Sequence[Settings]
    files: Sequence[Path]
    folder: Path


@dataclass(frozen=True)
class _Keys:
    checkpoint: str | None = None
    checkpoints: Sequence[str] = ()
    report: Sequence[str] = ()
    out: str | None = None


def check_request(config: Mapping[str, Any]) -> Request:
    """Raises UserError that says what cannot be used of a plain configuration."""
    given = {name: config[name] for name in _Keys.__dataclass_fields__ if name in config}
    given |= {name: [given[name]] for name in LISTS if isinstance(given.get(name), str)}
    require_none(binding_problems(_Keys, given))
    keys = _Keys(**given)
    rest = {name: value for name, value in config.items() if name not in LISTS}
    named = [name for name in ("checkpoint", *LISTS) if getattr(keys, name)]
    if len(named) > 1:
        raise UserError(f"{' and '.join(named)} are given: only one of them can be")
    if keys.report:
        return _of_earlier(keys, rest)
    if keys.checkpoints:
        return _of_several(keys, rest)
    settings = check_settings(rest)
    return Request([settings], [settings.destination / FILE], settings.destination)


def _of_several(keys: _Keys, rest: Mapping[str, Any]) -> Request:
    files = [Path(each).expanduser().resolve() for each in keys.checkpoints]
    require_none(_absent_or_twice(files))
    # Without out, each has the name that it has alone.
    alone = [check_settings({**rest, "checkpoint": each, "out": None}) for each in keys.checkpoints]
    names = told_apart([each.destination.name for each in alone])
    folder = alone[0].destination.parent / _joined(names)
    folder = folder if keys.out is None else Path(keys.out).expanduser()
    each = [
        check_settings({**rest, "checkpoint": file, "out": str(folder / name)})
        for file, name in zip(keys.checkpoints, names, strict=True)
    ]
    return Request(each, [one.destination / FILE for one in each], folder)


def _absent_or_twice(files: Sequence[Path]) -> Iterator[str]:
    for number, file in enumerate(files):
        if not file.exists():
            yield f"checkpoints has {str(file)!r}, but there is no such file"
        if file in files[:number]:
            yield f"checkpoints names {str(file)!r} twice: leave one out"


def told_apart(names: Sequence[str]) -> list[str]:
    """The second of a name is NAME-2, or the next that is free."""
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


def _of_earlier(keys: _Keys, rest: Mapping[str, Any]) -> Request:
    """Nothing is measured, so that nothing may be said of how."""
    without_use = [
        each.name
        for each in fields(Settings)
        if each.name != "out"
        and (rest.get(each.name, each.default) or None) != (each.default or None)
    ]
    if without_use:
        raise UserError(
            f"report is given, with which nothing is measured: leave out {', '.join(without_use)}"
        )
    folders = [Path(each).expanduser() for each in keys.report]
    if len(folders) > 1 and keys.out is None:
        raise UserError("out is not set: say in which folder the page of several is to be")
    files = [file for each in folders for file in _earlier_files(each)]
    return Request([], files, folders[0] if keys.out is None else Path(keys.out).expanduser())


def _earlier_files(folder: Path) -> list[Path]:
    """Of one evaluation, or of those that were made together."""
    own = folder / FILE
    found = [own] if own.is_file() else sorted(folder.glob(f"*/{FILE}"))
    if not found:
        raise UserError(
            f"report has {str(folder)!r}, in which there is no {FILE}: give a folder that "
            "evaluate.py has filled, such as outputs/evaluated/NAME"
        )
    return found
