"""How fast generate.py speaks recordings again, from its start to its last file.

python benchmarks/speech.py CHECKPOINT RECORDINGS                # a folder of about a minute
python benchmarks/speech.py CHECKPOINT RECORDINGS --engines native native_int8 --streams 1

Each engine reconstructs all recordings into a folder that goes again; loading the model, encoding
and writing are included, compiling is not.  Prints a table and writes outputs/bench/speech.csv:

    seconds      from start to end, on the clock
    processor s  of all threads together: more than the clock's on idle cores, less on busy ones
    x real time  seconds of speech that a second of the clock makes; of the processor's in brackets
    faster       than the first engine, by wall-clock time
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import soundfile
import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from timing import machine
from training import write

from wavenet_ae.engines import ENGINES, NATIVE_ENGINES, make_engine
from wavenet_ae.generation.run import generate
from wavenet_ae.generation.settings import check_settings
from wavenet_ae.loading import load_with_fingerprint

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("recordings", help="a file, a folder or a table, as input= of generate.py")
    engines = ["reference", *NATIVE_ENGINES]
    parser.add_argument(
        "--engines", nargs="+", default=engines, choices=[*ENGINES, *NATIVE_ENGINES]
    )
    parser.add_argument("--streams", type=int, default=8, help="recordings side by side")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    model, _ = load_with_fingerprint(Path(given.checkpoint))
    for name in given.engines:
        make_engine(name, model.decoder)  # compiles it
    rows = [measure(name, given) for name in given.engines]
    write(rows, ROOT / "outputs" / "bench" / "speech.csv")
    show(rows)


def measure(engine: str, given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        config = dict(checkpoint=given.checkpoint, input=given.recordings, out=folder)
        settings = check_settings(dict(config, engine=engine, streams=given.streams, device="cpu"))
        starts = time.perf_counter(), time.process_time()
        num_failed = generate(settings)
        seconds, busy = time.perf_counter() - starts[0], time.process_time() - starts[1]
        sounds = [soundfile.info(file) for file in Path(folder).glob("**/*.wav")]
    assert sounds and not num_failed, "some recordings could not be used"
    return {
        **machine("cpu"),
        "engine": engine,
        "streams": given.streams,
        "recordings": len(sounds),
        "speech seconds": sum(each.frames / each.samplerate for each in sounds),
        "seconds": seconds,
        "processor seconds": busy,
    }


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    title = (
        "{recordings} recordings, {speech seconds:.0f} s of speech, {streams} side by side; "
        "{processor}, {threads} threads"
    )
    table = Table("engine", title=title.format(**rows[0]), box=SIMPLE, padding=(0, 1))
    for name in ("seconds", "processor s", "x real time", "faster"):
        table.add_column(name, justify="right")
    for row in rows:
        speech, seconds, busy = (
            row[name] for name in ("speech seconds", "seconds", "processor seconds")
        )
        table.add_row(
            *(row["engine"], f"{seconds:.1f}", f"{busy:.1f}"),
            f"{speech / seconds:.3g} ({speech / busy:.3g})",
            f"{rows[0]['seconds'] / seconds:.3g}",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
