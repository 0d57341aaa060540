"""benchmarks/gpu.py: a part that fails or hangs harms no other; all runs on a bare machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from helpers.bare_machine import CARRIED, site_folder
from helpers.configs import small

import wavenet_ae
from wavenet_ae.checkpoint import FORMAT, write_checkpoint
from wavenet_ae.models import build
from wavenet_ae.models.build import model_config

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import gpu
from gpu_parts import real_training, recipe
from gpu_parts.gpu_tests import marked_files
from gpu_parts.table import as_text
from gpu_parts.task import Task, append, results
from steps import SETUPS

ROOT = Path(__file__).parents[1]
IMPORTS = """
import importlib, pkgutil, sys
sys.path[:0] = ["benchmarks", "tests", "."]
import gpu, gpu_parts
for each in pkgutil.iter_modules(gpu_parts.__path__):
    if each.name != "__main__":
        importlib.import_module(f"gpu_parts.{each.name}")
import train, evaluate
from hydra.core.plugins import Plugins
Plugins.instance()
names = "training.run training.callbacks training.monitors cli.callbacks evaluation.evaluator"
for name in (*names.split(), "evaluation.report.tables", "evaluation.report.page"):
    importlib.import_module(f"wavenet_ae.{name}")
from gpu_parts.recipe import config
from wavenet_ae.config import check
from wavenet_ae.training.preflight import check_sizes
check(config(False))
check_sizes(config(False))
print(*sorted({each.partition(".")[0] for each in sys.modules}))
"""


def environment(*first: Path) -> dict[str, str]:
    path = [*map(str, first), str(ROOT / "src")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"}


def command(
    out: Path, *arguments: str, first: tuple[Path, ...] = ()
) -> subprocess.CompletedProcess:
    given = ["--out", str(out), "--device", "cpu", "--tiny", "--data", str(out / "none")]
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), *given, *arguments],
        env=environment(*first),
        capture_output=True,
        text=True,
        timeout=280,
    )


def states(out: Path) -> dict[str, str]:
    return {row["what"]: row["state"] for row in results(out, "run")}


@pytest.mark.slow
def test_a_part_that_fails_stops_no_other(tmp_path):
    done = command(tmp_path / "out", "--parts", "unheard_of", "generating")
    assert done.returncode == 1, done.stderr
    found = states(tmp_path / "out")
    assert found == {"unheard_of": "failed with exit code 1", "generating": "done"}
    table = (tmp_path / "out" / "table.txt").read_text()
    assert "No module named 'gpu_parts.unheard_of'" in table and "full convolution" in table
    rows = [row for row in results(tmp_path / "out", "generating") if row["what"] == "generation"]
    assert {row["batch"] for row in rows} == {1, 2}
    assert all(row["samples/s in all"] > 0 for row in rows)


def test_a_part_that_hangs_is_killed_with_all_that_it_started(tmp_path):
    child = tmp_path / "child"
    started = "import subprocess, time; p = subprocess.Popen(['sleep', '60']); "
    started += f"open({str(child)!r}, 'w').write(str(p.pid)); time.sleep(60)"
    begin = time.monotonic()
    with (tmp_path / "log").open("w") as log:
        state = gpu._finished([sys.executable, "-c", started], 1.5, log.fileno(), tmp_path)
    assert state == "killed: out of time" and time.monotonic() - begin < 5
    process = Path("/proc") / child.read_text() / "stat"
    for _ in range(50):  # a killed process may wait for its parent's parent
        if not process.exists() or process.read_text().split()[2] == "Z":
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the part's child is still alive")


def test_no_part_starts_without_time_left_for_it(tmp_path):
    command(tmp_path / "out", "--seconds", "5", "--parts", "real_training", "causality")
    assert set(states(tmp_path / "out").values()) == {"no time left"}


def test_why_a_part_failed_is_the_last_line_that_names_an_error():
    text = "step 1\nValueError: first\nRuntimeError: CUDA error: out of memory\nCompile with DSA\n"
    assert gpu._why(text) == "RuntimeError: CUDA error: out of memory"
    assert gpu._why("one\ntwo\n") == "two" and gpu._why("") == ""


def test_table_of_rows_with_different_columns(tmp_path):
    append(tmp_path, {"part": "a", "what": "x", "rate": 12345.6})
    append(tmp_path, {"part": "a", "what": "y", "why": "left out"})
    append(
        tmp_path,
        {
            "part": "gpu_tests",
            "what": "f.py::t",
            "outcome": "failed",
            "seconds": 1.0,
            "why": "assert 1 == 2",
        },
    )
    (tmp_path / "results.jsonl").open("a").write('{"part": "a", "wha')  # a kill
    text = as_text(tmp_path)
    assert "12,346" in text and "left out" in text and "assert 1 == 2" in text


def recordings(data: Path) -> None:
    for name, suffixes in {
        "labeled/r1/1": (".flac", ".phn"),
        "other/r2/2": (".flac",),
        "other/r1/3": (".flac",),  # a reader of the labeled corpus
    }.items():
        for suffix in suffixes:
            file = (data / name).with_suffix(suffix)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()


def test_readers_that_are_evaluated_are_held_out(tmp_path):
    recordings(tmp_path / "data")
    task = Task("real_training", tmp_path, tmp_path / "data", tmp_path, "cpu", 60)
    speech = real_training.Speech.of(task)
    assert speech.labeled == tmp_path / "data" / "labeled" and speech.held_out == {"r1"}
    listed = (tmp_path / "training.tsv").read_text().splitlines()
    assert listed == ["speaker\tpath", f"r2\t{tmp_path / 'data/other/r2/2.flac'}"]
    assert speech.counted()["in both"] == 0


def test_the_batch_that_pays_is_the_smallest_of_nearly_the_highest_rate(tmp_path):
    rows = [{"batch": b, "samples/s": r} for b, r in ((32, 50.0), (128, 95.0), (512, 100.0))]
    assert real_training.batch_that_pays(rows)["batch"] == 128
    assert real_training.clock(3725.4) == "00:01:02:05"
    task = Task("training_step", tmp_path, tmp_path, tmp_path, "cuda", 60)
    step = {"decoder": "medium", "precision": "bf16", "ms a step": 100.0}
    for row in rows:
        task.record("step", **step, **row)
    options = list(real_training.scheduled(task, 200))
    assert options[:2] == ["data.batch_size=128", "validate_every_n_steps=250"]
    assert "optimizer.decay_after=1000" in options


def test_the_decoder_that_is_measured_is_that_of_speech_gpu():
    config = recipe.config(False, "speech_gpu")
    decoder, measured = config["decoder"], SETUPS["medium"]
    assert {name: decoder[name] for name in measured.sizes} == measured.sizes
    assert decoder["layers_per_block"] == 10 and decoder["num_blocks"] == 2
    model = build(model_config(config), ["anna"])
    assert model.upsampling.dim == measured.conditioning
    assert model.decoder.conditioning_hop == measured.hop
    window = round(config["data"]["window_seconds"] * config["sample_rate"])
    assert window == measured.num_targets


def test_the_recipe_s_weights_take_less_than_16_mib():
    model = build(model_config(recipe.config(False)), [f"speaker {each}" for each in range(200)])
    size = sum(each.numel() * each.element_size() for each in model.state_dict().values())
    assert size < 15 * 2**20


def test_kept_weights_can_be_loaded(tmp_path):
    model = build(small(), ["anna"])
    content = {
        "wavenet_ae": {"format": FORMAT, "config": small(), "speakers": ["anna"]},
        "state_dict": {f"model.{name}": each for name, each in model.state_dict().items()},
        "optimizer_states": [{"state": torch.zeros(100_000)}],
        "global_step": 3,
    }
    write_checkpoint(content, tmp_path / "best.ckpt")
    size = real_training.keep_weights(tmp_path / "best.ckpt", tmp_path / "model.ckpt")
    assert size < 0.4 * (tmp_path / "best.ckpt").stat().st_size / 2**20
    assert wavenet_ae.load(tmp_path / "model.ckpt").speakers == ["anna"]


def test_tests_for_a_gpu_are_found():
    files = marked_files()
    assert "tests/models/test_model_on_gpu.py" in files
    assert not any("search" in each for each in files)


@pytest.mark.slow
def test_every_part_is_imported_without_the_packages_that_the_machine_lacks(tmp_path):
    refused = site_folder(tmp_path / "site")
    lacking = [sys.executable, "-c", "import optuna"]
    done = subprocess.run(lacking, env=environment(refused), capture_output=True, text=True)
    assert "not on a bare machine" in done.stderr
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS],
        env=environment(refused),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "hydra" in done.stdout and not {"wandb", "optuna"} & set(done.stdout.split())


@pytest.mark.long
def test_the_whole_rehearsal_on_a_bare_machine(tmp_path):
    out = tmp_path / "out"
    done = command(out, "--seconds", "240", first=(site_folder(tmp_path / "site"),))
    found = states(out)
    assert found == dict.fromkeys(gpu.PARTS, "done"), done.stdout + (out / "log.txt").read_text()
    rows = list(results(out))
    assert {row["precision"] for row in rows if row["what"] == "step"} == {"bf16", "fp32", "tf32"}
    (training,) = [row for row in rows if row["what"] == "training"]
    assert training["exit_code"] == 0 and training["validations"] >= 1
    units = {row["system"] for row in rows if row["what"] == "units"}
    assert units >= {"codes", "codes_path", "kmeans_mfcc", "kmeans_random_encoder"}
    assert wavenet_ae.load(out / "model.ckpt").sample_rate == 16_000
    files = [each for each in out.iterdir() if each.is_file()]
    assert len(files) <= 8 and max(each.stat().st_size for each in files) < 16 * 2**20


@pytest.mark.slow
def test_carried_wheels_are_all_that_is_missing(tmp_path):
    """They are installed without what they need, into an empty folder, for Python 3.12."""
    pinned = (ROOT / "constraints.txt").read_text().splitlines()
    wheels = tmp_path / "wheels"
    pip = [sys.executable, "-m", "pip"]
    built = [each for each in pinned if each.startswith("antlr4-python3-runtime==")]
    wanted = [each for each in pinned if each.lower().partition("==")[0] in CARRIED.split()]
    assert len(wanted) == len(CARRIED.split())
    platforms = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "any")
    options = ["--no-deps", "--only-binary=:all:", "--python-version", "3.12"]
    options += [part for each in platforms for part in ("--platform", each)]
    commands = [
        [*pip, "download", "-q", "-d", str(wheels), *options, *(set(wanted) - set(built))],
        [*pip, "wheel", "-q", "--no-deps", "-w", str(wheels), *built],
    ]
    for each in commands:
        done = subprocess.run(each, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no package index answers: {done.stderr[-200:]}")
    python = next((each for each in pythons() if can_train(each)), None)
    if python is None:
        pytest.skip("no Python 3.12 with PyTorch and Lightning: name one by GPU_MACHINE_PYTHON")
    site = tmp_path / "site"
    install = [python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target"]
    files = [str(each) for each in sorted(wheels.glob("*.whl"))]
    subprocess.run([*install, str(site), *files], check=True)
    given = [python, "-c", IMPORTS]
    done = subprocess.run(given, env=environment(site), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def pythons() -> list[str]:
    named = os.environ.get("GPU_MACHINE_PYTHON")
    return [*([named] if named else []), "python3.12"]


def can_train(python: str) -> bool:
    test = "import sys, torch, pytorch_lightning; assert sys.version_info[:2] == (3, 12)"
    try:
        done = subprocess.run([python, "-c", test], capture_output=True, timeout=120)
    except OSError:
        return False
    return done.returncode == 0
