"""The panels as a W&B workspace.  Building one needs no login and no network; sending it does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import wandb_workspaces.reports.v2 as reports
import wandb_workspaces.workspaces as workspaces

from wavenet_ae.dashboards.panels import Panel, pattern, section_names
from wavenet_ae.errors import UserError
from wavenet_ae.storage import write_bytes

NAME = "wavenet_ae"  # of the view, among those of its project
COLUMNS = 2


def build_workspace(panels: Sequence[Panel], entity: str, project: str) -> workspaces.Workspace:
    """A section of plots for each section of panels, the first one open.

    W&B adds panels of its own for what else it is sent: tables and bars of the most used codes.
    """
    sections = [
        workspaces.Section(
            name=section,
            panels=[_plot(panel) for panel in _without_twins(panels) if panel.section == section],
            is_open=index == 0,
            layout_settings=workspaces.SectionLayoutSettings(columns=COLUMNS),
        )
        for index, section in enumerate(section_names(panels))
    ]
    return workspaces.Workspace(
        entity=entity, project=project, name=NAME, sections=sections, auto_generate_panels=True
    )


def _without_twins(panels: Sequence[Panel]) -> list[Panel]:
    """Panels without bars of a histogram that is a heatmap as well: W&B draws both alike."""
    heatmaps = [set(panel.keys) for panel in panels if panel.kind == "heatmap"]
    return [panel for panel in panels if panel.kind != "bars" or set(panel.keys) not in heatmaps]


def _plot(panel: Panel) -> reports.LinePlot:
    """W&B draws a key with histograms as a heatmap over steps, in a line plot too."""
    is_lines = panel.kind == "lines"
    has_globs = any("*" in key for key in panel.keys)
    return reports.LinePlot(
        title=panel.title,
        x="Step",  # of the optimizer: training numbers its rows in W&B so
        y=[] if has_globs else list(panel.keys),
        metric_regex=regular_expression(panel) if has_globs else None,
        title_x=panel.xlabel if is_lines else None,
        title_y=panel.ylabel if is_lines else None,
        range_y=(panel.ymin, panel.ymax) if is_lines else (None, None),
        log_y=panel.log or None,
    )


def regular_expression(panel: Panel) -> str:
    """One for all keys of a panel, in the syntax that Python, JavaScript and RE2 share."""
    return "^(" + "|".join(pattern(key) for key in panel.keys) + ")$"


def write_spec(workspace: workspaces.Workspace, path: Path) -> None:
    """What `upload` would send, as JSON."""
    write_bytes(path, json.dumps(workspace._spec, indent=2).encode() + b"\n")


def upload(workspace: workspaces.Workspace) -> str:
    """Save as a new view of its project; returns the view's address.  Raises UserError."""
    try:
        workspace.save()
    except Exception as error:  # of several libraries below, none of them ours to name
        project = f"{workspace.entity}/{workspace.project}"
        raise UserError(f"W&B does not take the workspace for {project}: {error}") from None
    return str(workspace.url)
