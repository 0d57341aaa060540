"""Plot what runs have logged, or build a W&B workspace of the same panels.

wavenet-ae dashboard runs=outputs/toy/A
wavenet-ae dashboard runs=[outputs/toy/A,outputs/toy/B] labels=[healthy,collapsed] out=plots
wavenet-ae dashboard task=workspace entity=me project=wavenet_ae
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from wavenet_ae.cli.arguments import command
from wavenet_ae.config import plain
from wavenet_ae.dashboards.panels import Panel, bind_panels, in_sections
from wavenet_ae.dashboards.settings import DashboardSettings, check_settings
from wavenet_ae.exits import guarded


def run(config: dict[str, Any]) -> None:
    """Checks the configuration, then runs; slow imports wait until the check is over."""
    settings = check_settings(config)
    panels = in_sections(bind_panels(settings.panels), settings.sections)
    (plot if settings.task == "plots" else build)(settings, panels)


def plot(settings: DashboardSettings, panels: list[Panel]) -> None:
    from wavenet_ae.dashboards.history import read_run
    from wavenet_ae.plotting.pages import plot_dashboard

    named = zip(settings.runs, settings.run_labels, strict=True)
    runs = [read_run(Path(folder), label) for folder, label in named]
    written = plot_dashboard(panels, runs, settings.destination, settings.formats, settings.each)
    for file in written.files:
        print(f"written: {file}")
    if written.left_out:
        print(f"left out, as no run has logged what they plot: {', '.join(written.left_out)}")


def build(settings: DashboardSettings, panels: list[Panel]) -> None:
    from wavenet_ae.dashboards.login import has_login
    from wavenet_ae.dashboards.workspace import build_workspace, upload, write_spec

    assert settings.entity and settings.project
    workspace = build_workspace(panels, settings.entity, settings.project)
    write_spec(workspace, settings.destination)
    print(f"written: {settings.destination}")
    if has_login():
        print(f"uploaded: {upload(workspace)}")
    else:
        print("not uploaded, without a W&B login: `wandb login`, then the same command again")


@command("dashboard", folded=("panels",))
def main(config: DictConfig) -> None:
    guarded(lambda: run(plain(config)))


if __name__ == "__main__":
    main()
