"""`wavenet-ae COMMAND`: from a checkout, from a wheel, with a user's own package and YAML."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.commands import run
from helpers.configs import TINY
from helpers.small_models import recordings

from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.cli import COMMANDS, demo, main
from wavenet_ae.config import conf_folder
from wavenet_ae.errors import UserError
from wavenet_ae.exits import guarded
from wavenet_ae.instantiate import plugin_packages, resolve

ROOT = Path(__file__).parents[2]
PLUGIN = '''
"""A bottleneck that halves latents."""

import os

from wavenet_ae.bottlenecks import Identity


class Half(Identity):
    def forward(self, latents, step=None):
        return super().forward(latents / 2, step)
'''
OPTION = "_target_: my_units.Half\n"
TRAINING = [*TINY, "trainer.max_steps=6"]


def plugin(folder: Path) -> Path:
    """An installed package `my_units`, as pip leaves it in a folder, and its YAML beside it."""
    information = folder / "my_units-0.1.dist-info"
    information.mkdir(parents=True)
    (folder / "my_units.py").write_text(PLUGIN)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-units\nVersion: 0.1\n")
    (information / "entry_points.txt").write_text("[wavenet_ae.plugins]\nunits = my_units\n")
    option = folder / "my_conf" / "bottleneck" / "half.yaml"
    option.parent.mkdir(parents=True)
    option.write_text(OPTION)
    return folder


def wavenet_ae(*arguments: str, cache: Path, folder: Path, path: str) -> tuple[int, str]:
    """Exit code and output of `python -m wavenet_ae` in a folder, with packages from `path`."""
    variables = {"WAVENET_AE_CACHE": str(cache), "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-m", "wavenet_ae", *arguments],
        env={**os.environ, **variables},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("arguments", [[], ["--help"], ["help"]])
def test_usage_names_every_command(arguments, capsys):
    main(arguments)
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)


def test_every_command_is_a_module_with_a_main():
    folder = ROOT / "src" / "wavenet_ae" / "cli"
    modules = {each.stem for each in folder.glob("[a-z]*.py")}
    commands = {name.replace("-", "_") for name in COMMANDS}
    assert modules - {"arguments", "callbacks", "help"} == commands
    assert all("\ndef main(" in (folder / f"{name}.py").read_text() for name in commands)


def test_a_name_too_long_for_a_file_ends_with_a_sentence():
    with pytest.raises(SystemExit, match=r"error: x{300}: the name is too long for a file: choose"):
        guarded(lambda: os.stat("x" * 300))


def test_an_unknown_command_names_the_nearest():
    with pytest.raises(SystemExit, match=r"no command 'trian'.*train"):
        main(["trian"])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, cache):
    code, output = run(f"{name.replace('-', '_')}.py", "--help", cache=cache)
    assert code == 0 and (f"wavenet-ae {name}" in output or "== Config ==" in output), output


def test_the_demo_refuses_what_is_not_a_setting(cache):
    code, output = run("demo.py", "--config-dir", cache=cache)
    assert code == 1 and "error: --config-dir is not of the form KEY=VALUE" in output, output


@pytest.mark.parametrize("here", [True, False])
def test_training_in_a_demo_imports_from_the_working_directory_only_if_the_demo_does(
    tmp_path, monkeypatch, here
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path)] if here else [])
    (tmp_path / "json.py").write_text("print('ran')")
    command = [*demo.interpreter(), "-c", "import json"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "ran\n" * here


def test_a_plugin_is_its_module_not_all_that_shares_its_name(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(plugin(tmp_path))
    entry_points = tmp_path / "my_units-0.1.dist-info" / "entry_points.txt"
    entry_points.write_text("[wavenet_ae.plugins]\nunits = company.units\n")
    plugin_packages.cache_clear()
    try:
        assert plugin_packages() == ("company.units.",)
    finally:
        plugin_packages.cache_clear()


def test_a_class_of_a_plugin_may_be_a_target_and_that_of_another_package_may_not(
    tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(plugin(tmp_path))
    plugin_packages.cache_clear()
    try:
        assert resolve("my_units.Half", Bottleneck).__name__ == "Half"
        with pytest.raises(UserError, match=r"must lie under wavenet_ae\. or my_units\."):
            resolve("os.system", Bottleneck)
        with pytest.raises(UserError, match="not a class defined there"):
            resolve("my_units.os", Bottleneck)
    finally:
        plugin_packages.cache_clear()


@pytest.mark.slow
def test_a_wheel_encodes_trains_evaluates_and_takes_a_plugin(cache, tmp_path):
    """Outside the checkout, whose `conf` it carries."""
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path / "wheel")]
    checkout = tmp_path / "checkout"
    copy = ["git", "-C", str(ROOT), "archive", "--format=tar", f"--output={tmp_path}/tree.tar"]
    subprocess.run([*copy, "HEAD"], check=True)
    checkout.mkdir()
    subprocess.run(["tar", "-xf", f"{tmp_path}/tree.tar", "-C", str(checkout)], check=True)
    subprocess.run([*build, str(checkout)], check=True)
    (wheel,) = (tmp_path / "wheel").glob("wavenet_ae-*.whl")
    site, own = tmp_path / "site", plugin(tmp_path / "own")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    where = {"cache": cache, "folder": tmp_path, "path": f"{site}{os.pathsep}{own}"}
    files = {each.relative_to(conf_folder()) for each in conf_folder().rglob("*.yaml")}
    packed = {
        each.relative_to(site / "wavenet_ae" / "conf")
        for each in (site / "wavenet_ae" / "conf").rglob("*.yaml")
    }
    assert files == packed
    options = ["--config-dir", str(own / "my_conf"), "bottleneck=half"]
    code, output = wavenet_ae("train", *options, *TRAINING, "hydra.run.dir=run", **where)
    assert code == 0, output
    recordings(tmp_path, {"my.wav": 4000})
    code, output = wavenet_ae("encode", "my.wav", **where)
    assert code == 0, output
    (line,) = (tmp_path / "codes" / "units.tsv").read_text().splitlines()
    assert len(line.split("\t")[2].split()) == 25
    best = tmp_path / "run" / "checkpoints" / "best.ckpt"
    assert "my_units.Half" in (tmp_path / "run" / "config.yaml").read_text()
    code, output = wavenet_ae("evaluate", f"checkpoint={best}", "metrics=[likelihood]", **where)
    assert code == 0, output
    assert "written:" in output
    search = ["bottleneck=ae", "sweep=learning_rates", "hydra.sweeper.num_trials=0"]
    code, output = wavenet_ae("train", *search, "hydra.sweep.dir=search", **where)
    assert code == 1 and "hydra.sweeper.num_trials is 0" in output, output
