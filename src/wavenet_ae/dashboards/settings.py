"""Settings of `wavenet-ae dashboard`, checked before anything slow is imported or plotted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from wavenet_ae.errors import nearest
from wavenet_ae.runs import RunFolder, named_run
from wavenet_ae.schema import binding_problems, require_none

MOST_RUNS = 7
LISTS = ("runs", "labels", "formats", "sections")  # a single item needs no brackets
READ_BY = {
    "plots": ("runs", "labels", "formats", "each"),
    "workspace": ("entity", "project"),
}


@dataclass(frozen=True)
class DashboardSettings:
    """Settings of the command, documented in conf/dashboard.yaml."""

    task: Literal["plots", "workspace"] = "plots"
    sections: Sequence[str] = ()
    out: str | None = None
    runs: Sequence[str] = ()
    labels: Sequence[str] = ()
    formats: Sequence[Literal["png", "pdf", "jpg"]] = ("png",)
    each: Literal["section", "panel"] = "section"
    entity: str | None = None
    project: str | None = None
    panels: Mapping[str, Any] = field(default_factory=dict)

    @property
    def run_labels(self) -> list[str]:
        """Labels of the runs: as set, else folder names, or their paths if names are equal."""
        names = [Path(each).resolve().name for each in self.runs]
        return list(self.labels or (names if len(set(names)) == len(names) else self.runs))

    @property
    def destination(self) -> Path:
        """Folder of the plots, or file of the workspace."""
        if self.out is not None:
            return Path(self.out)
        return Path(self.runs[0]) / "dashboard" if self.runs else Path("workspace.json")


def check_settings(config: Mapping[str, Any]) -> DashboardSettings:
    """Binds and checks a plain configuration.

    Raises:
        UserError: If there is any problem; the text lists all of them.
    """
    config = {key: _listed(value) if key in LISTS else value for key, value in config.items()}
    require_none(binding_problems(DashboardSettings, config))
    config["runs"] = [str(named_run(each)) for each in config.get("runs", ())]
    settings = DashboardSettings(**config)
    problems = _plot_problems if settings.task == "plots" else _workspace_problems
    require_none([*_unread(settings), *problems(settings)])
    return settings


def _listed(value: Any) -> list[Any]:
    """Returns a value as a list: `runs=A` means `runs=[A]`, and a label such as 512 is a text."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [str(each) if isinstance(each, int | float) else each for each in items]


def _unread(settings: DashboardSettings) -> Iterator[str]:
    """Yields a problem for each setting that the task would ignore."""
    defaults = DashboardSettings()
    for task, names in READ_BY.items():
        for name in names if task != settings.task else ():
            value, default = getattr(settings, name), getattr(defaults, name)
            if value != default and list(value or []) != list(default or []):
                yield f"{name} is read by task={task} only: remove it from task={settings.task}"


def _workspace_problems(settings: DashboardSettings) -> Iterator[str]:
    for name, whose in (("entity", "the user or team who owns"), ("project", "the name of")):
        if not getattr(settings, name):
            yield f"{name} is not set: set {name}=..., {whose} the W&B project"
    if settings.destination.is_dir():
        yield f"out is {str(settings.destination)!r}, a folder, but must be a file: workspace.json"


def _plot_problems(settings: DashboardSettings) -> Iterator[str]:
    if not settings.runs:
        yield "runs is empty: set runs=<run folder>, or runs=[<run folder>,<run folder>]"
    if not settings.formats:
        yield "formats is empty: set some of png, pdf, jpg"
    for run in settings.runs:
        yield from _run_problems(Path(run))
    num_labels, num_runs = len(settings.labels), len(settings.runs)
    if num_labels not in (0, num_runs):
        wanted = f"but must be {num_runs} in number, one per run"
        yield f"labels is {list(settings.labels)!r}, {wanted}"
    for name, given in (("runs", settings.runs), ("labels", settings.labels)):
        distinct = {str(Path(each).resolve()) if name == "runs" else each for each in given}
        if len(distinct) < len(given):
            yield f"{name} is {list(given)!r}, but must name each only once"
    if num_runs > MOST_RUNS:
        yield f"runs has {num_runs}, but colors distinguish at most {MOST_RUNS}"
    if num_runs > 1 and settings.out is None:
        yield "out is not set: set out=<folder> for the pages of several runs"
    if settings.runs and settings.out is None and _leads_outside(settings):
        yield (
            f"out is not set, and {settings.destination} is a link that leads outside the run "
            "folder: set out=<folder>"
        )
    if settings.out is not None and settings.destination.is_file():
        yield f"out is {settings.out!r}, a file, but must be a folder"


def _leads_outside(settings: DashboardSettings) -> bool:
    run = Path(settings.runs[0]).resolve()
    return not settings.destination.resolve().is_relative_to(run)


def _run_problems(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        similar = nearest(folder.name, _runs_in(folder.parent))
        yield f"runs has {str(folder)!r}, but there is no such folder.{similar}"
    elif not RunFolder(folder).meant.metrics.is_file():
        below = _runs_in(folder)
        found = f"  Run folders in it: {', '.join(below[-3:])}" if below else ""
        file = RunFolder(folder).meant.metrics.name
        yield f"runs has {str(folder)!r}, which is not a run folder: it has no {file}.{found}"


def _runs_in(folder: Path) -> list[str]:
    """Returns the names of the run folders directly in a folder."""
    return sorted(
        each.name for each in folder.glob("*/") if RunFolder(each).meant.metrics.is_file()
    )
