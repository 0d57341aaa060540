"""Reads thousands of damaged files, each in a process of its own.

    make fuzz                        4000 inputs
    make fuzz INPUTS=400 SEED=7      fewer, and others

An input may be read or refused with a clear error. A crash, a stack trace, more than 10 seconds or
more than 1 GiB of memory is a fault: the command then keeps the file and ends with exit code 1.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from helpers.fork_server import import_everything

from fuzz.inputs import make_inputs
from fuzz.kinds import KINDS, Kind, copied, files_of, shares
from fuzz.sandbox import Outcome, read_in_child

KEPT = Path("outputs/fuzz")


@dataclass(frozen=True)
class Case:
    """One input: the `number`-th of a kind, under a seed."""

    kind: str
    number: int
    seed: int


@dataclass(frozen=True)
class Result:
    case: Case
    file: str
    mutation: str
    outcome: Outcome


def try_case(case: Case, inputs: Path) -> Result:
    """Mutates one file of a copy of the valid ones and reads it; a faulty input is kept."""
    kind = next(each for each in KINDS if each.name == case.kind)
    with tempfile.TemporaryDirectory(dir=inputs.parent) as place:
        folder, file, mutation = damaged(kind, case, inputs, Path(place))
        outcome = read_in_child(lambda: kind.read(folder, file), Path(place))
        if outcome.fault:
            name = f"{case.kind}-{case.seed}-{case.number}".replace(" ", "_")
            (KEPT / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, KEPT / name / file.name)
            about = f"{mutation} of {file.name}\n{outcome.fault}\n\n{outcome.text}"
            (KEPT / name / "fault.txt").write_text(about)
    return Result(case, file.name, mutation, outcome)


def require_read(inputs: Path) -> None:
    """Raises RuntimeError where an undamaged input is not read: no damage to it would be tried."""
    for kind in KINDS:
        with tempfile.TemporaryDirectory(dir=inputs.parent) as place:
            folder = copied(kind, inputs, Path(place))
            file = folder / files_of(kind, inputs)[0]
            outcome = read_in_child(partial(kind.read, folder, file), Path(place), seconds=60)
        if outcome.fault or outcome.is_refused:
            raise RuntimeError(f"{kind.name}: {file.name} is not read: {outcome.text}")


def damaged(kind: Kind, case: Case, inputs: Path, place: Path) -> tuple[Path, Path, str]:
    """Returns a copy of the folder of a kind, its damaged file, and how it was damaged."""
    folder = copied(kind, inputs, place)
    files = files_of(kind, inputs)
    file = folder / files[case.number % len(files)]
    mutation, data = kind.damage(file, case.seed, case.kind, case.number)
    file.write_bytes(data)
    return folder, file, mutation


def report(results: list[Result], seconds: float) -> None:
    print(f"\n{'kind':24}{'inputs':>8}{'read':>8}{'refused':>9}{'faults':>8}{'s at most':>11}")
    for kind in KINDS:
        own = [each.outcome for each in results if each.case.kind == kind.name]
        if not own:
            continue
        faults = sum(bool(each.fault) for each in own)
        refused = sum(each.is_refused and not each.fault for each in own)
        row = f"{len(own):8}{len(own) - faults - refused:8}{refused:9}{faults:8}"
        print(f"{kind.name:24}{row}{max(each.seconds for each in own):11.1f}")
    most = max(each.outcome.peak_bytes for each in results) / 2**20
    print(f"\n{len(results)} inputs in {seconds:.0f} s, at most {most:.0f} MiB each")
    faults = [each for each in results if each.outcome.fault]
    for what, count in Counter(each.outcome.fault for each in faults).most_common():
        first = next(each for each in faults if each.outcome.fault == what)
        print(f"{count:5} x {what}\n        first: {first.mutation} of {first.file}, {first.case}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=[each.name for each in KINDS])
    given = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled", "COLUMNS": "200"}
    start = time.monotonic()
    import_everything()
    with tempfile.TemporaryDirectory() as place:
        inputs = Path(place) / "inputs"
        make_inputs(inputs)
        cases = [
            Case(kind.name, number, given.seed)
            for kind, count in shares(given.inputs)
            if given.kind in (None, kind.name)
            for number in range(count)
        ]
        os.environ["HOME"] = place
        require_read(inputs)
        context = multiprocessing.get_context("fork")
        with context.Pool(2) as pool:
            jobs = [pool.apply_async(try_case, (case, inputs)) for case in cases]
            results = [job.get() for job in jobs]
    report(results, time.monotonic() - start)
    return int(any(each.outcome.fault for each in results))


if __name__ == "__main__":
    sys.exit(main())
