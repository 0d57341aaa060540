"""generate.py as a user runs it: every task, Ctrl-C, kill -9, memory, wrong commands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.commands import ROOT, environment, run, start
from helpers.small_models import card, checkpoint, contents, recordings, sound

from wavenet_ae.runs import RunFolder

# The longest recording is by far the longest: it is generated while others are complete.
LENGTHS = {"spk00/a.wav": 16000, "spk00/b.wav": 1600, "spk01/c.flac": 1500, "spk01/d.wav": 1400}


@pytest.fixture(scope="module")
def model(quantized) -> Path:
    return RunFolder(quantized).best_checkpoint


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return recordings(tmp_path_factory.mktemp("recordings"), LENGTHS)


@pytest.fixture(scope="module")
def undisturbed(model, source, cache, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    code, output = run("generate.py", *arguments(model, source, out), cache=cache)
    assert code == 0, output
    return out


def arguments(model: Path, source: Path, out: Path) -> list[str]:
    return [f"checkpoint={model}", f"input={source}", f"out={out}", "batch_size=2"]


def partials(out: Path) -> list[Path]:
    return list(out.rglob(".*.partial"))


def stopped_midway(model: Path, source: Path, out: Path, cache: Path, number: int) -> tuple:
    """generate.py is sent a signal when some results are complete and one is being written."""
    process = start("generate.py", *arguments(model, source, out), cache=cache)
    while not list(out.rglob("*.json")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.001)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def test_reconstructions_are_as_long_as_their_recordings(undisturbed, source):
    for name, length in LENGTHS.items():
        result = (undisturbed / name).with_suffix(".wav")
        assert len(sound(result)) == length
        said = card(result.with_suffix(".json"))
        assert said["speaker"] == name.split("/")[0] and "generate.py" in said["command"]
    assert len(contents(undisturbed)) == 2 * len(LENGTHS)


@pytest.mark.slow
def test_kill_9_leaves_whole_files_and_work_that_goes_on(
    model, source, undisturbed, cache, tmp_path
):
    out = tmp_path / "out"
    code, output = stopped_midway(model, source, out, cache, signal.SIGKILL)
    assert code == -signal.SIGKILL and partials(out), output
    wanted, found = contents(undisturbed, ".wav"), contents(out, ".wav")
    assert 0 < len(found) < len(wanted)
    assert all(wanted[name] == found[name] for name in found), "what has a name is complete"
    code, output = run("generate.py", *arguments(model, source, out), cache=cache)
    assert code == 0 and re.search(r"[123] of 4 are there already", output), output
    assert contents(out, ".wav") == wanted and not partials(out)


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_complete_and_removes_the_rest(model, source, cache, tmp_path):
    out = tmp_path / "out"
    code, output = stopped_midway(model, source, out, cache, signal.SIGINT)
    assert code == 130 and "Traceback" not in output, output
    assert "stopped after" in output and "run the same command again to continue" in output
    assert not partials(out)
    cards = [each for each in contents(out) if each.endswith(".json")]
    assert 1 <= len(cards) < len(LENGTHS)


@pytest.mark.slow
def test_codes_and_back_and_voices(model, source, cache, tmp_path):
    given = f"checkpoint={model}"
    codes, decoded, converted = (f"out={tmp_path / name}" for name in "abc")
    code, output = run("generate.py", "task=encode", given, f"input={source}", codes, cache=cache)
    assert code == 0 and "4/4" in output, output
    units = tmp_path / "a" / "units.tsv"
    assert len(units.read_text().splitlines()) == 4
    voice = ("speaker=spk01", "max_utterances=1", "temperature=0", given)
    code, output = run("generate.py", "task=decode", f"codes={units}", *voice, decoded, cache=cache)
    assert code == 0, output
    code, output = run(
        "generate.py", "task=convert", f"input={source}", *voice, converted, cache=cache
    )
    assert code == 0, output
    (left,), (right,) = (list((tmp_path / each).rglob("*.wav")) for each in "bc")
    assert (sound(left)[: LENGTHS["spk00/a.wav"]] == sound(right)).all()


@pytest.mark.slow
def test_a_language_model_samples_without_input(language_model, cache, tmp_path):
    best = RunFolder(language_model).best_checkpoint
    code, output = run(
        *("generate.py", "task=sample", f"checkpoint={best}"),
        *("seconds=0.1", "num_samples=2", "speaker=spk01", "format=flac", f"out={tmp_path}/out"),
        cache=cache,
    )
    assert code == 0, output
    assert [len(sound(each)) for each in sorted((tmp_path / "out").glob("*.flac"))] == [800, 800]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length(cache, tmp_path):
    """Eight streams of ten times the length take the same memory."""
    model = checkpoint(tmp_path, "wavenet", num_layers=1)
    peaks = [peak_memory(tmp_path, cache, model, seconds) for seconds in (2, 20)]
    assert peaks[1] - peaks[0] < 1 << 20, peaks


def peak_memory(tmp_path: Path, cache: Path, model: Path, seconds: int) -> int:
    """Of generate.py, in bytes."""
    given = [f"checkpoint={model}", f"seconds={seconds}", f"out={tmp_path}/{seconds}"]
    command = [sys.executable, str(ROOT / "generate.py"), "task=sample", "num_samples=8", *given]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(cache))
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_maxrss * 1024


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["input={source}"], r"error: checkpoint is not set, but task=reconstruct needs it"),
        (["checkpoint={model}"], r"error: input is not set, but task=reconstruct needs it"),
        (["checkpoint={model}", "input=/no"], r"error: input is '/no', but there is no such"),
        (
            ["checkpoint={model}", "task=convert", "input={source}", "speaker=spk"],
            r"error: speaker is 'spk', which the model does not know\.  It knows spk0\d, spk0\d",
        ),
        (["checkpoint={model}", "temprature=1"], r"temprature is not a key.*'temperature'"),
    ],
)
def test_a_wrong_command_ends_with_a_line(given, expected, model, source, cache, tmp_path):
    filled = [each.format(model=model, source=source) for each in given]
    code, output = run("generate.py", *filled, f"out={tmp_path}/out", cache=cache)
    assert code == 1 and "Traceback" not in output
    assert re.search(expected, output), output
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_recording_that_cannot_be_used_ends_with_exit_code_1(model, cache, tmp_path):
    root = recordings(tmp_path / "in", {"spk00/a.wav": 160})
    (root / "spk00" / "b.wav").write_text("no audio")
    code, output = run("generate.py", *arguments(model, root, tmp_path / "out"), cache=cache)
    assert code == 1 and "b.wav: unreadable" in output and "1 recording could not" in output
    assert sorted(contents(tmp_path / "out")) == ["spk00/a.json", "spk00/a.wav"]


def test_help_imports_nothing_slow(tmp_path):
    code = (
        "import runpy, sys; sys.argv = ['generate.py', '--help']\n"
        "try: runpy.run_path('generate.py', run_name='__main__')\n"
        "finally: print(sorted({'torch', 'soundfile', 'numpy'} & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert "wavenet-ae generate checkpoint=" in shown.stdout, shown.stderr
    assert shown.stdout.rstrip().endswith("[]"), "imported before the help was printed"
