"""How much of its speed a command keeps while other programs keep the cores busy.

python benchmarks/busy.py                                  # training: four minutes on two cores
python benchmarks/busy.py --work evaluation encoding generation packing
python benchmarks/busy.py --spins 500 1000 2000 5000 10000 # other spin counts, two threads always

Each row is a process of its own, which works while all others wait, for some seconds at a time, in
rounds: alone, then beside one busy program, then beside four.  A row has one process for each
number of programs, so that what it has adapted to stays as it is.  Prints a table and writes
outputs/bench/busy.json:

    times real time   seconds of audio that are trained on, evaluated, ... a second: the median over
                      rounds, and the range; of packing, recordings a second
    of fair share     beside n programs on c cores: of the speed of one thread alone, times the
                      share c / (n + 1) of a core, at most 1, that one thread is due
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from wavenet_ae.threads import CHOSEN_BY_USER, SPIN_COUNT

ROOT = Path(__file__).parents[1]
WORK = ("training", "evaluation", "encoding", "generation", "packing")  # of busy_work.py
LEVELS = (0, 1, 4)  # busy programs
UNSET = (*CHOSEN_BY_USER, "OMP_NUM_THREADS")
ADAPTED, ONE = "adapted", "one thread"
Result = dict[tuple[str, str, int], list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", nargs="+", default=["training"], choices=WORK)
    parser.add_argument("--spins", type=int, nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each turn")
    given = parser.parse_args()
    rows = conditions(given.spins)
    results: Result = {}
    for work in given.work:
        measure(work, rows, given.rounds, given.seconds, results)
    write(results, ROOT / "outputs" / "bench" / "busy.json")
    show(results, list(rows))


def conditions(spins: list[int]) -> dict[str, dict[str, str]]:
    """Each row's environment; `ADAPT=0` keeps all threads whatever happens."""
    rows = {"torch's own": {"ADAPT": "0"}}
    for spin in spins:
        rows[f"spin count {spin}"] = {"ADAPT": "0", **spinning(spin)}
    return {**rows, ONE: {"ADAPT": "0", "OMP_NUM_THREADS": "1"}, ADAPTED: spinning(SPIN_COUNT)}


def spinning(count: int) -> dict[str, str]:
    return {"GOMP_SPINCOUNT": str(count)}


def measure(
    work: str, rows: dict[str, dict[str, str]], rounds: int, seconds: float, results: Result
) -> None:
    with contextlib.ExitStack() as stack:
        workers = {}
        for level in LEVELS:
            for row, environment in rows.items():
                process = stack.enter_context(worker(work, environment))
                answer(process)  # it is ready: started one by one, they find a quiet machine
                workers[row, level] = process
        for _ in range(rounds):
            for level in LEVELS:
                with busy_programs(level):
                    for row in rows:
                        rate = turn(workers[row, level], seconds)
                        results.setdefault((work, row, level), []).append(rate)


@contextlib.contextmanager
def worker(work: str, settings: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    environment = {key: value for key, value in os.environ.items() if key not in UNSET}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "benchmarks" / "busy_work.py"), work],
        env={**environment, **settings},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def turn(process: subprocess.Popen[str], seconds: float) -> float:
    assert process.stdin is not None
    process.stdin.write(f"{seconds}\n")
    process.stdin.flush()
    return answer(process)


def answer(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        sys.exit(f"{' '.join(map(str, process.args))} ended")  # type: ignore[arg-type]
    return float(line)


@contextlib.contextmanager
def busy_programs(count: int) -> Iterator[None]:
    command = [sys.executable, "-c", "while True: pass"]
    programs = [subprocess.Popen(command) for _ in range(count)]
    time.sleep(0.3)  # until they have started
    try:
        yield
    finally:
        for each in programs:
            each.kill()
            each.wait()


def fair_share(results: Result, work: str, level: int) -> float:
    """The speed of one thread that gets what a fair scheduler gives it."""
    alone = median(results[work, ONE, 0])
    return alone * min(1.0, (os.cpu_count() or 1) / (level + 1))


def write(results: Result, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("work", "row", "busy")
    rows = [dict(zip(names, key, strict=True), rates=rates) for key, rates in results.items()]
    path.write_text(json.dumps(rows, indent=1) + "\n")


def show(results: Result, rows: list[str]) -> None:
    from timing import processor

    title = f"{processor()}, {os.cpu_count()} cores: times real time (of fair share)"
    title += "; of packing, recordings/s"
    table = Table("work", "threads", title=title, box=SIMPLE, padding=(0, 1))
    for level in LEVELS:
        table.add_column(f"{level} busy programs" if level else "alone", justify="right")
    for work in dict.fromkeys(key[0] for key in results):
        for row in rows:
            cells = []
            for level in LEVELS:
                rates = results[work, row, level]
                text = f"{median(rates):.2f} ({min(rates):.2f} to {max(rates):.2f})"
                share = median(rates) / fair_share(results, work, level)
                cells.append(f"{text}  {share:.2f}" if level else text)
            table.add_row(work, row, *cells)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
