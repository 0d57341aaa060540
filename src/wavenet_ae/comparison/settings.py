"""Configuration of `wavenet-ae compare`, checked before anything slow is imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path
from typing import Any, Literal

from wavenet_ae.errors import nearest
from wavenet_ae.runs import RunFolder, named_run, runs_in
from wavenet_ae.schema import binding_problems, require_none

LISTS = ("runs", "formats", "evaluations", "columns")  # of which one may be given without brackets


@dataclass(frozen=True)
class CompareSettings:
    """The keys of conf/compare.yaml, which explains each."""

    runs: Sequence[str] = ()
    out: str = "comparison"
    formats: Sequence[Literal["png", "pdf"]] = ("png",)
    columns: Sequence[str] = ()
    evaluations: Sequence[str] = ()

    def run_folders(self) -> list[Path]:
        """Returns the folders of all runs, those in sweeps included."""
        asked = [named_run(each).resolve() for each in self.runs]
        return [run for each in asked for run in runs_in(each) or [each]]

    def named_folders(self) -> dict[str, Path]:
        """Returns the run folders by their shortest names."""
        folders = self.run_folders()
        above = Path(commonpath([each.parent for each in folders]))
        return {str(each.relative_to(above)): each for each in folders}


def check_compare_settings(config: Mapping[str, Any]) -> CompareSettings:
    """Checks a plain configuration.

    Raises:
        UserError: With all problems that there are.
    """
    config = {key: _listed(value) if key in LISTS else value for key, value in config.items()}
    require_none(binding_problems(CompareSettings, config))
    settings = CompareSettings(**config)
    require_none(_problems(settings))
    return settings


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _problems(settings: CompareSettings) -> Iterator[str]:
    if not settings.runs:
        yield "runs is empty: set runs=<folder of a run or sweep>, or runs=[<folder>,<folder>]"
    for folder in map(named_run, settings.runs):
        if not folder.is_dir():
            beside = [each.name for each in folder.parent.glob("*/")]
            similar = nearest(folder.name, beside)
            yield f"runs has {str(folder)!r}, but there is no such folder.{similar}"
        elif not RunFolder(folder).has_begun() and not runs_in(folder):
            yield f"runs has {str(folder)!r}, which is no folder of a run or of a sweep's runs"
    times = Counter(settings.run_folders())
    for folder in (each for each, number in times.items() if number > 1):
        yield f"runs names the run {str(folder)!r} twice: leave one out"
    for folder in map(Path, settings.evaluations):
        if folder.is_file():
            yield f"evaluations has {str(folder)!r}, a file, but must list folders"
    if not settings.formats:
        yield "formats is empty: set one or both of png and pdf"
    if Path(settings.out).is_file():
        yield f"out is {settings.out!r}, a file, but must be a folder"
