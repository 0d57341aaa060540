"""How fast many short recordings are packed, and whether memory grows with their number.

python benchmarks/packing.py                          # 1000 and 10 000 files: two minutes
python benchmarks/packing.py --files 500 --workers 0

Makes noise of 0.3 to 1 s at 16 kHz as WAV in a temporary folder, packs it in a process of its own
for each row, prints a table and writes outputs/bench/packing.csv:

    s, files/s              from the call to the packed corpus, the start of workers included
    parent MiB, growth MiB  peak of resident memory, and how much of it came after the imports
    worker MiB              the largest peak of a process that decodes
    again s, open s         to find all packed in a second run, and to open the corpus

Memory is read from /proc, so this needs Linux.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
SAMPLE_RATE = 16_000
NUM_SPEAKERS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2], help="0: none beside")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        root, cache, num_workers = given.measure
        print(json.dumps(measure(root, cache, int(num_workers))))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for num_files in given.files:
            root = Path(folder, f"recordings-{num_files}")
            make_recordings(root, num_files)
            for num_workers in given.workers:
                cache = Path(folder, f"cache-{num_files}-{num_workers}")
                rows.append({"files": num_files, **in_own_process(root, cache, num_workers)})
    write(rows, ROOT / "outputs" / "bench" / "packing.csv")
    show(rows)


def make_recordings(root: Path, num_files: int) -> None:
    for number in range(num_files):
        generator = np.random.default_rng(number)
        num_samples = round(generator.uniform(0.3, 1) * SAMPLE_RATE)
        samples = generator.integers(-3000, 3000, num_samples).astype(np.int16)
        path = root / f"speaker{number % NUM_SPEAKERS:03d}" / f"{number:06d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:  # given a name, soundfile waits for the disk each time
            soundfile.write(file, samples, SAMPLE_RATE, format="WAV")


def in_own_process(root: Path, cache: Path, num_workers: int) -> dict[str, float]:
    """A process's peak never falls, so that each measurement needs a new one."""
    command = [sys.executable, __file__, "--measure", str(root), str(cache), str(num_workers)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output)


def measure(root: str, cache: str, num_workers: int) -> dict[str, float]:
    from wavenet_ae.data.corpus import PackedCorpus
    from wavenet_ae.data.packing import pack
    from wavenet_ae.data.sources import FolderSource
    from wavenet_ae.data.splits import Splits

    def packing() -> tuple[Path, float]:
        start = time.perf_counter()
        folder = pack(FolderSource(root), cache, SAMPLE_RATE, Splits(), num_workers=num_workers)
        return folder, time.perf_counter() - start

    before = peak_mib("self")
    with WorkersPeak() as workers:
        folder, seconds = packing()
    peak = peak_mib("self")
    _, again_seconds = packing()
    start = time.perf_counter()
    num_packed = len(PackedCorpus(folder))
    return {
        "workers": num_workers,
        "s": round(seconds, 2),
        "files/s": round(num_packed / seconds),
        "parent MiB": round(peak, 1),
        "growth MiB": round(peak - before, 1),
        "worker MiB": round(workers.peak_mib, 1),
        "again s": round(again_seconds, 2),
        "open s": round(time.perf_counter() - start, 3),
    }


def peak_mib(process: str | int) -> float:
    """Not getrusage's: a process inherits that of the one that started it."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


class WorkersPeak:
    """The largest peak of all processes that this one starts meanwhile."""

    def __enter__(self) -> WorkersPeak:
        self.peak_mib = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        main = f"/proc/self/task/{os.getpid()}/children"
        while not self._done.wait(0.05):
            for child in Path(main).read_text().split():
                with suppress(OSError, IndexError):  # it has just ended
                    self.peak_mib = max(self.peak_mib, peak_mib(child))


def write(rows: list[dict[str, float]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def show(rows: list[dict[str, float]]) -> None:
    title = f"packing files of 0.3 to 1 s, {os.cpu_count()} cores"
    table = Table(title=title, box=SIMPLE, padding=(0, 0))
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(f"{value:g}" for value in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
