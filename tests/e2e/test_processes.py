"""Two processes train what one would, and a run may move between them."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.commands import run, start
from helpers.configs import PERTURBED, TINY, TINY_CODES
from helpers.runs import assert_same, last_state, logged, trained

from wavenet_ae.checkpoint import newest_checkpoint
from wavenet_ae.dashboards.history import read_histograms
from wavenet_ae.runs import RunFolder

TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
EXACT = ["trainer.precision=64-true", "encoder.norm=batch"]
BOTTLENECKS = {
    "vqvae_ema": TINY_CODES,
    "vqvae": TINY_CODES,
    "rvq": TINY_CODES,
    "simvq": [each for each in TINY_CODES if "revive" not in each],
    "lfq": ["bottleneck.num_bits=3", "bottleneck.start_after=3"],
    "fsq": ["bottleneck.levels=[3,3]", "bottleneck.start_after=3"],
    "vae": ["objective.bottleneck.free_nats=3.0", "objective.bottleneck.kl_weight=10"],
}
WATCHED = ("encoder", "decoder", "input", "updates", "learning_rate", "validation", "bitrate")
FLOAT32 = {"rvq"}  # whose library keeps its codebooks in float32


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return last_state(folder)["state_dict"]


def assert_close_logs(left: Path, right: Path, watched: set[str]) -> None:
    """All columns, among them those of the sections `watched`."""
    rows, others = logged(left), logged(right)
    assert len(rows) == len(others) > 20
    assert watched <= {key.split("/")[0] for key, value in rows[-1].items() if value}
    for row, other in zip(rows, others, strict=True):
        assert row.keys() == other.keys()
        for key in row:
            pair = [float(each[key] or "nan") for each in (row, other)]
            assert pair[0] == pytest.approx(pair[1], rel=1e-5, abs=1e-6, nan_ok=True), key


def assert_close_histograms(left: Path, right: Path) -> None:
    histograms, others = (read_histograms(RunFolder(each).histograms) for each in (left, right))
    assert histograms.keys() == others.keys() and "bottleneck/latents" in histograms
    for name, found in histograms.items():
        for one, other in zip(found, others[name], strict=True):
            assert one.step == other.step, name
            for pair in ((one.edges, other.edges), (one.counts, other.counts)):
                np.testing.assert_allclose(*pair, rtol=1e-5, atol=1e-6, err_msg=name)


def bottlenecks() -> list:
    """One without codebooks, since the run on perturbed input has one; `long`: the others, whose
    codebooks and statistics are compared in tests/bottlenecks/test_quantizers_in_processes.py."""
    often = ("vae",)
    return [
        pytest.param(each, marks=[] if each in often else [pytest.mark.long])
        for each in BOTTLENECKS
    ]


@pytest.mark.slow
@pytest.mark.parametrize("bottleneck", bottlenecks())
def test_two_processes_equal_one(cache, tmp_path, bottleneck):
    """Weights, codebook, statistics and every logged figure and histogram, validation's too."""
    settings = [*TINY, *EXACT, f"bottleneck={bottleneck}", *BOTTLENECKS[bottleneck]]
    for name, placement in {"one": [], "two": TWO}.items():
        code, output = run(
            "train.py", *placement, *settings, f"hydra.run.dir={tmp_path / name}", cache=cache
        )
        assert code == 0, output
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    tolerance = 1e-5 if bottleneck in FLOAT32 else 1e-8
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(
            two[name], value, rtol=0, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )
    of_codes = "vae" if bottleneck == "vae" else "codebook"
    assert_close_logs(tmp_path / "one", tmp_path / "two", {*WATCHED, of_codes})
    assert_close_histograms(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow
def test_two_processes_equal_one_on_perturbed_input_without_a_speaker_s_mean(cache, tmp_path):
    settings = [*TINY, *PERTURBED, *TINY_CODES, "trainer.precision=64-true"]
    settings.append("encoder.features.normalization=speaker")
    one, two = (
        weights(trained(tmp_path / name, cache, *placement, *settings))
        for name, placement in {"one": [], "two": TWO}.items()
    )
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=0, atol=1e-8, msg=name)
    assert_close_logs(tmp_path / "one", tmp_path / "two", {*WATCHED, "codebook"})


@pytest.mark.slow
def test_two_processes_in_bfloat16(cache, tmp_path):
    """Statistics of a batch norm over processes are float32, whatever autocast computes in."""
    settings = [*TWO, *TINY, *TINY_CODES, "trainer.precision=bf16-mixed", "trainer.max_steps=8"]
    code, output = run("train.py", *settings, f"hydra.run.dir={tmp_path}/run", cache=cache)
    assert code == 0, output
    assert output.count("run folder:") == 1, "said by the first process alone"


@pytest.mark.slow
def test_two_processes_stop_together(cache, tmp_path):
    """SIGTERM to the first: both save and stop, and the first has the signal's exit code."""
    folder = tmp_path / "run"
    settings = [*TWO, *TINY, *TINY_CODES, "trainer.max_steps=100000"]
    process = start("train.py", *settings, f"hydra.run.dir={folder}", cache=cache)
    while process.poll() is None and not RunFolder(folder).metrics.is_file():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 143, output
    assert "saved" in output
    assert newest_checkpoint(RunFolder(folder)) is not None


@pytest.mark.slow
def test_a_run_moves_between_one_process_and_two(cache, tmp_path, monkeypatch):
    """The same windows in the same batches, by hash, and the same weights to rounding."""
    settings = [*TINY, *EXACT, *TINY_CODES]
    script = "tests/helpers/recorded_train.py"
    monkeypatch.setenv("RECORD", str(tmp_path / "still"))
    still, moved = tmp_path / "still_run", tmp_path / "moved_run"
    code, output = run(script, *settings, f"hydra.run.dir={still}", cache=cache)
    assert code == 0, output
    monkeypatch.setenv("RECORD", str(tmp_path / "moved"))
    code, output = run(
        script, *TWO, *settings, "trainer.max_steps=8", f"hydra.run.dir={moved}", cache=cache
    )
    assert code == 0, output
    one = ["trainer.devices=1", "trainer.strategy=auto"]
    two = ["trainer.devices=2", "trainer.strategy=ddp"]
    for placement, last in ((one, 16), (two, 24)):
        arguments = [f"resume={moved}", *placement, f"trainer.max_steps={last}"]
        code, output = run(script, *arguments, cache=cache)
        assert code == 0, output
    assert batches(tmp_path, "moved") == batches(tmp_path, "still")
    for name, value in weights(still).items():
        other = weights(moved)[name]
        torch.testing.assert_close(
            other, value, rtol=0, atol=1e-8, msg=lambda m, n=name: f"{n}: {m}"
        )


def batches(folder: Path, name: str) -> dict[str, list[str]]:
    """Hashes of the windows of each global batch, whichever process had them."""
    found: dict[str, list[str]] = {}
    for path in folder.glob(f"{name}.*"):
        for line in path.read_text().splitlines():
            position, digest = line.rsplit(" ", 1)
            found.setdefault(position, []).append(digest)
    assert len(found) == 24
    return {position: sorted(digests) for position, digests in found.items()}


def started_by(process) -> list[int]:
    """Process ids of those of other ranks that the process of rank 0 has started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = []
    for each in children:
        with suppress(FileNotFoundError, ProcessLookupError):  # a child that has ended
            if b"LOCAL_RANK=1" in Path(f"/proc/{each}/environ").read_bytes().split(b"\0"):
                found.append(int(each))
    return found


def is_running(process: int) -> bool:
    """Whether a process exists that has not ended, waited for or not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def assert_ended_with_a_line(process, survivor: int, folder: Path) -> None:
    """The survivor ends although nobody ends it, and says why and what to do."""
    output, _ = process.communicate(timeout=200)  # until neither writes to the pipe
    assert process.wait() != 0, output
    assert "error: another process of this run has failed or was killed" in output, output
    assert f"continue with resume={folder}" in output and "Traceback" not in output, output
    ends_at = time.monotonic() + 30
    while is_running(survivor):
        assert time.monotonic() < ends_at, "the other process has not ended"
        time.sleep(0.1)


DISTURBED = [*TWO, *TINY, *TINY_CODES, "trainer.max_steps=60"]


@pytest.fixture(scope="module")
def undisturbed(cache, tmp_path_factory) -> Path:
    """The folder of a run of two processes of which none is killed."""
    return trained(tmp_path_factory.mktemp("undisturbed") / "run", cache, *DISTURBED)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, pytest.param(1, marks=pytest.mark.long)])
def test_kill_9_of_one_of_two_processes_ends_the_other(victim, undisturbed, cache, tmp_path):
    """The same command then ends as the run that nobody has disturbed."""
    killed = tmp_path / "killed"
    settings = [*DISTURBED, f"hydra.run.dir={killed}"]
    process = start("train.py", *settings, cache=cache, new_session=True)
    while not RunFolder(killed).step_checkpoints():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    ranks = [process.pid, *started_by(process)]
    assert len(ranks) == 2
    os.kill(ranks[victim], signal.SIGKILL)
    assert_ended_with_a_line(process, ranks[1 - victim], killed)
    code, output = run("train.py", *settings, cache=cache)
    assert code == 0 and "resumed at step" in output, output
    assert_same(last_state(killed), last_state(undisturbed))
    assert logged(killed) == logged(undisturbed)


@pytest.mark.slow
def test_kill_9_of_the_first_process_before_the_second_is_connected(cache, tmp_path):
    """The second one would wait for the first for as long as torch allows, half an hour."""
    folder = tmp_path / "run"
    settings = [*DISTURBED, f"hydra.run.dir={folder}"]
    process = start("train.py", *settings, cache=cache, new_session=True)
    while not (others := started_by(process)):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert_ended_with_a_line(process, others[0], folder)


@pytest.mark.long
def test_kill_9_of_two_processes(cache, tmp_path):
    settings = [*TWO, *TINY, *TINY_CODES, "trainer.max_steps=200"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    code, output = run("train.py", *settings, f"hydra.run.dir={whole}", cache=cache)
    assert code == 0, output
    arguments = [*settings, f"hydra.run.dir={killed}"]
    rng = random.Random(time.time_ns())
    metrics = RunFolder(killed).metrics
    for _ in range(3):
        before = metrics.stat().st_mtime_ns if metrics.is_file() else 0
        process = start("train.py", *arguments, cache=cache, new_session=True)
        while not metrics.is_file() or metrics.stat().st_mtime_ns == before:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 1.0))
        assert process.poll() is None, "the run ended before it was killed: make it longer"
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        arguments = [f"resume={killed}"]
    code, output = run("train.py", f"resume={killed}", cache=cache)
    assert code == 0, output
    assert_same(last_state(killed), last_state(whole))
    assert logged(killed) == logged(whole)
