"""Packing of many short recordings: flat memory, killed runs, and runs that start together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from wavenet_ae.data.corpus import CATALOGUE, COLUMNS, HEADER, PackedCorpus, encoded_header
from wavenet_ae.data.order import WindowOrder
from wavenet_ae.data.packing import pack
from wavenet_ae.data.sources import FolderSource
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.tables import digest_of, encoded_table
from wavenet_ae.types import Position

RATE = 8000

# A worker imports the script, so that both read as slowly.
PACK = """
import json, logging, sys, time
from pathlib import Path
from wavenet_ae.audio import io as files
from wavenet_ae.data.packing import pack
from wavenet_ae.data.sources import FolderSource
from wavenet_ae.data.splits import Splits

root, cache, num_workers, delay = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
Stream = files.RecordingStream

def slow(*given):
    time.sleep(delay)
    return Stream(*given)

def peak_kib():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

files.RecordingStream = slow
if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    before = peak_kib()
    pack(FolderSource(root), cache, 8000, Splits(validation=0.5), num_workers=num_workers)
    print(json.dumps({"kib": peak_kib() - before, "torch": "torch" in sys.modules}))
"""


@pytest.fixture
def start(tmp_path):
    """Packs tmp_path/root in another process."""
    script = tmp_path / "script.py"
    script.write_text(PACK)

    def call(num_workers=0, delay=0.0, root="root") -> subprocess.Popen[str]:
        command = [script, tmp_path / root, tmp_path / "cache", str(num_workers), str(delay)]
        return subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
        )

    return call


def noise(number, num_samples):
    return np.random.default_rng(number).integers(-9000, 9000, num_samples).astype(np.int16)


def write(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:  # given a name, soundfile waits for the disk each time
        soundfile.write(file, samples, RATE, format="WAV")


def make_long(root: Path) -> None:
    """48 recordings of 1 MiB: a chunk is at least 4 MiB, so twelve chunks."""
    for number in range(48):
        samples = noise(number, (1 << 19) + number)
        write(root / f"s{number % 3}" / f"{number:02d}.wav", samples)


def children(process: subprocess.Popen) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(each) for each in listed.split()]


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, but its parent has not read its exit code yet


def wait_until(true, seconds=60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def tables(tmp_path: Path) -> dict[str, int]:
    """When each shard's table was written."""
    return {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("cache/*/shard-*.tsv")}


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
@pytest.mark.parametrize("num_workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_leaves_what_is_packed_and_no_process(tmp_path, start, num_workers):
    make_long(tmp_path / "root")
    process = start(num_workers, delay=0.1)
    wait_until(lambda: len(tables(tmp_path)) >= 3)
    workers = children(process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    try:
        wait_until(lambda: not any(map(is_running, workers)), 10)
    finally:
        for each in workers:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
    kept = tables(tmp_path)
    assert 3 <= len(kept) < 12
    source = FolderSource(str(tmp_path / "root"))
    corpus = PackedCorpus(pack(source, str(tmp_path / "cache"), RATE, Splits(validation=0.5)))
    now = tables(tmp_path)
    assert len(now) == 12
    assert kept.items() <= now.items(), "what was packed is not packed again"
    assert not list(tmp_path.glob("cache/*/.*.partial"))
    for row, key in enumerate(corpus.keys):
        number = int(Path(key).stem)
        samples = corpus.read(row, 0, int(corpus.length[row]))
        np.testing.assert_array_equal(samples, noise(number, (1 << 19) + number))


@pytest.mark.slow
def test_of_two_runs_one_packs_and_the_other_waits(tmp_path, start):
    make_long(tmp_path / "root")
    runs = [start(num_workers, delay=0.05) for num_workers in (0, 2)]
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted("packed 48 recordings" in text for text in said) == [False, True]
    assert sorted("packs this corpus: waiting for it" in text for text in said) == [False, True]
    assert len(tables(tmp_path)) == 12


@pytest.mark.slow
def test_a_script_that_packs_when_it_is_imported_is_told_so(tmp_path):
    """Its workers would wait for the lock of their parent, which waits for them."""
    make_long(tmp_path / "root")
    script = tmp_path / "script.py"
    script.write_text(PACK.replace('if __name__ == "__main__":', "if True:"))
    command = [sys.executable, script, tmp_path / "root", tmp_path / "cache", "2", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "put its work under `if __name__ == '__main__':`" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_memory_does_not_hold_the_recordings(tmp_path, start):
    """Beyond its imports a run holds its tables, some 1.3 KiB for each file, and one recording.

    (The peak is /proc's, for getrusage's is inherited from the process that starts another.)
    """
    growth = {}
    for num_files in (500, 5000):
        root = tmp_path / str(num_files)
        make_short(root, num_files)
        output, _ = start(root=str(num_files)).communicate(timeout=60)
        growth[num_files] = json.loads(output)["kib"] * 1024
    samples = sum(path.stat().st_size for path in (tmp_path / "5000").rglob("*.wav"))
    assert samples > 40 << 20, "else the bound below would tell nothing"
    assert growth[5000] - growth[500] < 4500 * 3072, growth


def test_where_rates_agree_packing_does_without_torch(tmp_path, start):
    """Two seconds and 190 MiB of each process that decodes."""
    make_short(tmp_path / "root", 10)
    output, _ = start().communicate(timeout=60)
    assert not json.loads(output)["torch"]


@pytest.mark.slow
def test_a_catalogue_of_a_hundred_thousand_opens_in_seconds(tmp_path):
    rows, digest = [], digest_of(bytes(2 * 16_000))
    for n in range(100_000):
        split = "train" if n % 10 else "validation"
        place = (f"shard-{n // 5000:05d}.bin", n % 5000 * 16_000, 16_000)
        rows.append((f"s{n % 500}/{n}.wav", f"s{n % 500}", split, "", *place, digest, ""))
    folder = tmp_path / "splits"
    folder.mkdir()
    catalogue = encoded_table([COLUMNS, *rows])
    (folder / HEADER).write_bytes(encoded_header(RATE, catalogue))
    (folder / CATALOGUE).write_bytes(catalogue)
    for n in range(20):
        with (tmp_path / f"shard-{n:05d}.bin").open("wb") as file:
            file.truncate(2 * 5000 * 16_000)  # sparse: no disk
    start = time.process_time()
    corpus = PackedCorpus(folder)
    assert time.process_time() - start < 5, "0.5 s on an idle core"
    assert (len(corpus), len(corpus.speakers), len(corpus.rows("train"))) == (100_000, 500, 90_000)
    order = WindowOrder(corpus.length, 6000, 2560, 8, 0, 3600 * RATE, 1.0)
    start = time.process_time()
    order.windows(Position(0, order.num_batches(0) // 2))
    assert time.process_time() - start < 0.5, "some milliseconds"


def make_short(root: Path, num_files: int) -> None:
    """Writes recordings of 0.3 to 1 s."""
    for number in range(num_files):
        samples = noise(number, 2400 + number * 7919 % 5600)
        write(root / f"s{number % 50}" / f"{number:05d}.wav", samples)
