"""Everything that is to be measured on a GPU, in one command of a few minutes.

python benchmarks/gpu.py --out outputs/bench/gpu --data recordings        # nine minutes
python benchmarks/gpu.py --out outputs/bench/gpu --tiny --device cpu      # a rehearsal

Parts (docs/results/gpu.md says more), each in a process of its own, so that what goes wrong in one,
a hang or an error of CUDA, harms no other:

    gpu_tests      tests marked `gpu`
    training_step  training steps of three decoders, beside the matrix products of the same run
    generating     samples a second of each stream and of all
    causality      does any result read what it must not, in each mode of the libraries?
    real_training  a recipe trained for the time that is left, then its units beside k-means

A part that takes longer than it may is killed.  Results are appended to DIR/results.jsonl as they
are made; DIR/table.txt shows them at the end, DIR/log.txt has what the parts printed, and
DIR/model.ckpt and DIR/metrics.csv are of the recipe.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from gpu_parts.table import CONDUCTOR, as_text
from gpu_parts.task import RESULTS, ROOT, append

# Seconds of each part, of FULL_RUN in all; None: what is left.
PARTS: dict[str, float | None] = {
    "gpu_tests": 60,
    "training_step": 90,
    "generating": 60,
    "causality": 20,
    "real_training": None,
}
FULL_RUN = 540
TO_END = 4  # seconds for the table
TO_STOP = 3  # seconds between the end that a part is told and its being killed
LOG, TABLE = "log.txt", "table.txt"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts; returns how many of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--data", type=Path, default=Path(".data"), help="folder of recordings")
    parser.add_argument("--seconds", type=float, default=FULL_RUN, help="of all parts together")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--tiny", action="store_true", help="the sizes of a rehearsal on a CPU")
    given = parser.parse_args(arguments)
    given.out, given.data = given.out.resolve(), given.data.resolve()
    started = time.monotonic()
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / RESULTS).unlink(missing_ok=True)
    (given.out / LOG).unlink(missing_ok=True)
    signal.signal(signal.SIGTERM, _interrupt)  # of `timeout`: the table is still written
    failures = 0
    with tempfile.TemporaryDirectory(prefix="gpu-", ignore_cleanup_errors=True) as work:
        try:
            device, end, last = _device(given.device), 0.0, given.seconds - TO_END
            for part in given.parts:
                # What a part leaves of its time is the next one's.
                own = PARTS.get(part)
                end = last if own is None else min(last, end + own * given.seconds / FULL_RUN)
                limit = end - (time.monotonic() - started)
                failures += not run_part(part, limit, device, Path(work), given)
        except KeyboardInterrupt:
            append(given.out, {"part": CONDUCTOR, "what": "interrupted"})
            failures += 1
        finally:
            text = as_text(given.out)
            (given.out / TABLE).write_text(text)
            print(text, flush=True)
    return failures


def run_part(part: str, limit: float, device: str, work: Path, given: argparse.Namespace) -> bool:
    """Run a part for at most `limit` seconds; returns whether it did all that it had to do."""
    row = {"part": CONDUCTOR, "what": part, "state": "no time left", "seconds": 0.0}
    if limit < TO_STOP:
        append(given.out, row)
        return False
    command = [sys.executable, "-m", "gpu_parts", part]
    places = {"out": given.out, "data": given.data, "work": work}
    command += [text for name, place in places.items() for text in (f"--{name}", str(place))]
    command += ["--device", device, "--seconds", str(limit - TO_STOP)]
    command += ["--tiny"] if given.tiny else []
    started = time.monotonic()
    with (given.out / LOG).open("a+b") as log:
        log.write(f"\n== {part}, at most {limit:.0f} s\n".encode())
        log.flush()
        begin = log.seek(0, os.SEEK_END)
        state = _finished(command, limit, log.fileno(), work)
        log.seek(begin)
        said = log.read().decode(errors="replace")
    row |= {"state": state, "seconds": time.monotonic() - started}
    if state != "done":
        row["why"] = _why(said)
    append(given.out, row)
    print(f"{part}: {state} after {row['seconds']:.0f} s", flush=True)
    return state == "done"


def _finished(command: Sequence[str], limit: float, log: int, work: Path) -> str:
    """Run a command in a process group of its own, and leave none of it running."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=_environment(work),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        code = process.wait(limit)
        return "done" if code == 0 else f"failed with exit code {code}"
    except subprocess.TimeoutExpired:
        return "killed: out of time"
    finally:
        _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """The process and all that it has started, also where it has ended itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment(work: Path) -> dict[str, str]:
    """Returns a part's environment: where the package and caches are."""
    path = [str(Path(__file__).parent), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    # a relative entry means this process's working folder, which is not that of a part
    path = [os.path.abspath(each) for entry in path for each in entry.split(os.pathsep) if each]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONUNBUFFERED": "1",
        "WAVENET_AE_CACHE": str(work / "cache"),
        "TORCHINDUCTOR_CACHE_DIR": str(work / "inductor"),
        "TRITON_CACHE_DIR": str(work / "triton"),
        "MPLCONFIGDIR": str(work / "matplotlib"),
    }


def _device(name: str) -> str:
    """`auto` in a process of its own: this one never touches the GPU."""
    if name != "auto":
        return name
    question = "import torch; print('cuda' if torch.cuda.is_available() else 'cpu')"
    asked = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True)
    return (asked.stdout.split() or ["cpu"])[-1]


def _why(text: str) -> str:
    """The last line that names an error, else the last of all."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Interrupt)\b", line)]
    return [*lines[-1:], *errors][-1][:300] if lines else ""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
