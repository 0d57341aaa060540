"""The W&B workspace is built without a login and shows every key of every panel."""

from __future__ import annotations

import json
import re
import socket

import pytest
from helpers.dashboard_runs import default_panels

from wavenet_ae.dashboards.login import has_login
from wavenet_ae.dashboards.panels import section_names
from wavenet_ae.dashboards.workspace import build_workspace, write_spec


@pytest.fixture
def spec(tmp_path, monkeypatch) -> dict:
    def refuse(*args, **kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    workspace = build_workspace(default_panels(), "team", "speech")
    write_spec(workspace, tmp_path / "new" / "workspace.json")
    return json.loads((tmp_path / "new" / "workspace.json").read_text())


def sections(spec: dict) -> list[dict]:
    return spec["spec"]["section"]["panelBankConfig"]["sections"]


def test_the_workspace_has_the_sections_of_the_panels(spec):
    assert (spec["entity"], spec["project"]) == ("team", "speech")
    assert [each["name"] for each in sections(spec)] == section_names(default_panels())
    assert [each["isOpen"] for each in sections(spec)][:2] == [True, False]


def test_every_key_of_every_panel_is_shown(spec):
    plots = [plot["config"] for section in sections(spec) for plot in section["panels"]]
    shown = {key for plot in plots for key in plot["metrics"]}
    patterns = [plot["metricRegex"] for plot in plots if plot.get("useMetricRegex")]
    for key in {key for panel in default_panels() for key in panel.keys}:
        logged = key.replace("*", "/codebook_1")
        assert logged in shown or any(re.search(each, logged) for each in patterns), key
    assert not any(re.search(each, "x/codebook/usage") for each in patterns)


def test_a_plot_has_the_title_and_axes_of_its_panel(spec):
    plots = {
        plot["config"]["chartTitle"]: plot for each in sections(spec) for plot in each["panels"]
    }
    rates = plots["Bitrate"]
    assert rates["viewType"] == "Run History Line Plot"
    assert rates["config"]["yAxisTitle"] == "bits per second"
    assert (rates["config"]["xAxis"], rates["config"]["yAxisMin"]) == ("_step", 0)
    assert plots["Gradient norm of all weights"]["config"]["yLogScale"] is True
    assert "Usage of the codes" not in plots, "W&B shows both as the same heatmap"
    assert "Usage of the codes over training" in plots and "KL of each dimension" in plots


def test_there_is_no_login_in_offline_mode(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert not has_login()
