"""Settings of the dashboard command are checked before anything is plotted."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from helpers.dashboard_runs import ROOT

from wavenet_ae.dashboards.settings import DashboardSettings, check_settings
from wavenet_ae.errors import UserError
from wavenet_ae.runs import RunFolder


@pytest.fixture
def runs(tmp_path) -> list[str]:
    for name in ("toy/A", "toy/B", "other/A"):
        (tmp_path / name).mkdir(parents=True)
        (RunFolder(tmp_path / name).metrics).touch()
    return [str(tmp_path / "toy" / "A"), str(tmp_path / "toy" / "B")]


def test_the_yaml_file_has_the_defaults_of_the_class():
    config = yaml.safe_load((ROOT / "conf" / "dashboard.yaml").read_text())
    given = {name: each for name, each in config.items() if name not in ("defaults", "hydra")}
    for name, value in given.items():
        default = getattr(DashboardSettings(), name)
        assert value == (list(default) if isinstance(default, tuple) else default), name
    assert given.keys() == DashboardSettings.__dataclass_fields__.keys() - {"panels"}


def test_one_run_needs_no_brackets_and_no_label(runs):
    settings = check_settings({"runs": runs[0], "formats": "pdf"})
    assert settings.runs == [runs[0]] and settings.run_labels == ["A"]
    assert settings.destination == Path(runs[0]) / "dashboard"


def test_plots_are_not_led_out_of_a_run_folder_by_a_link(runs, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (Path(runs[0]) / "dashboard").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"a link that leads outside.*set out=<folder>"):
        check_settings({"runs": runs[0]})
    check_settings({"runs": runs[0], "out": str(tmp_path / "elsewhere")})


def test_labels_are_as_set_else_folder_names_else_paths(runs, tmp_path):
    out = {"out": str(tmp_path / "out")}
    assert check_settings({"runs": runs, **out}).run_labels == ["A", "B"]
    assert check_settings({"runs": runs, "labels": [64, "b"], **out}).run_labels == ["64", "b"]
    alike = [runs[0], str(tmp_path / "other" / "A")]
    assert check_settings({"runs": alike, **out}).run_labels == alike


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"runs": []}, r"runs is empty: set runs=<run folder>"),
        (
            {"runs": ["{toy}/AA"]},
            r"runs has '.*AA', but there is no such folder\. Did you mean 'A'\?",
        ),
        (
            {"runs": ["{toy}"]},
            r"'.*toy', which is not a run folder: it has no metrics\.csv\..*A, B",
        ),
        ({"labels": ["a"]}, r"labels is \['a'\], but must be 2 in number, one per run"),
        ({"labels": ["a", "a"]}, r"labels is \['a', 'a'\], but must name each only once"),
        ({"formats": ["png", "gif"]}, r"formats is .*'gif'.*each item one of png, pdf, jpg"),
        ({"formats": []}, r"formats is empty: set some of png, pdf, jpg"),
        ({"each": "page"}, r"each is 'page', but must be one of section, panel"),
        ({"out": None}, r"out is not set: set out=<folder>"),
        ({"out": "{toy}/A/metrics.csv"}, r"out is '.*metrics\.csv', a file, but must be a folder"),
        ({"lables": ["a"]}, r"lables is not known\. Did you mean 'labels'\?"),
        ({"entity": "me"}, r"entity is read by task=workspace only"),
        ({"task": "workspaces"}, r"task is 'workspaces', but must be one of plots, workspace"),
    ],
)
def test_a_wrong_setting_is_named(changes, problem, runs, tmp_path):
    config = {"runs": runs, "out": "out", **changes}
    toy = str(tmp_path / "toy")
    for key, value in config.items():
        if isinstance(value, list):
            config[key] = [each.replace("{toy}", toy) for each in value]
        elif value is not None:
            config[key] = value.replace("{toy}", toy)
    with pytest.raises(UserError, match=problem) as refused:
        check_settings(config)
    assert "\n" not in str(refused.value)


def test_a_workspace_needs_an_entity_and_a_project(runs, tmp_path):
    with pytest.raises(UserError, match=r"entity is not set: set entity=\.\.\., the user or team"):
        check_settings({"task": "workspace", "project": "p"})
    named = {"task": "workspace", "entity": "e", "project": "p"}
    with pytest.raises(UserError, match=r"runs is read by task=plots only"):
        check_settings({**named, "runs": runs})
    with pytest.raises(UserError, match=r"out is .*, a folder, but must be a file"):
        check_settings({**named, "out": str(tmp_path)})
    assert check_settings(named).destination == Path("workspace.json")
