"""Panels as a W&B workspace; building it needs neither login nor network, uploading it does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import wandb_workspaces.reports.v2 as reports
import wandb_workspaces.workspaces as workspaces

from wavenet_ae.dashboards.panels import Panel, pattern, section_names
from wavenet_ae.errors import UserError
from wavenet_ae.storage import write_bytes

NAME = "wavenet_ae"  # name of the view in its project
COLUMNS = 2


def build_workspace(panels: Sequence[Panel], entity: str, project: str) -> workspaces.Workspace:
    """Builds a workspace with a section of plots for each section of panels, the first one open.

    W&B adds panels of its own for other logged data: tables and bars of the most used codes.

    Args:
        panels: The panels.
        entity: User or team that owns the project.
        project: Name of the project.
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
    """Returns the panels without bars of histograms that have a heatmap: W&B shows both alike."""
    heatmaps = [set(panel.keys) for panel in panels if panel.kind == "heatmap"]
    return [panel for panel in panels if panel.kind != "bars" or set(panel.keys) not in heatmaps]


def _plot(panel: Panel) -> reports.LinePlot:
    """Returns the line plot of a panel, in which W&B shows histograms as a heatmap over steps."""
    is_lines = panel.kind == "lines"
    has_globs = any("*" in key for key in panel.keys)
    return reports.LinePlot(
        title=panel.title,
        x="Step",  # optimizer steps: training numbers its rows in W&B by them
        y=[] if has_globs else list(panel.keys),
        metric_regex=regular_expression(panel) if has_globs else None,
        title_x=panel.xlabel if is_lines else None,
        title_y=panel.ylabel if is_lines else None,
        range_y=(panel.ymin, panel.ymax) if is_lines else (None, None),
        log_y=panel.log or None,
    )


def regular_expression(panel: Panel) -> str:
    """Returns one regular expression for all keys of a panel.

    It uses the syntax that Python, JavaScript and RE2 share.
    """
    return "^(" + "|".join(pattern(key) for key in panel.keys) + ")$"


def write_spec(workspace: workspaces.Workspace, path: Path) -> None:
    """Writes the data that `upload` would send, as JSON."""
    write_bytes(path, json.dumps(workspace._spec, indent=2).encode() + b"\n")


def upload(workspace: workspaces.Workspace) -> str:
    """Saves the workspace as a new view of its project.

    Returns:
        Address of the view.

    Raises:
        UserError: If W&B refuses it.
    """
    try:
        workspace.save()
    except Exception as error:  # several libraries raise errors of their own
        project = f"{workspace.entity}/{workspace.project}"
        raise UserError(f"W&B refuses the workspace for {project}: {error}") from None
    return str(workspace.url)
