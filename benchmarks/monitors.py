"""What watching a run costs: the time of its monitors, as a share of the whole training.

python benchmarks/monitors.py                               # the default model: two minutes
python benchmarks/monitors.py bottleneck=vae trainer.max_steps=400     # any option of train.py

Trains as train.py does, with a clock around whatever each monitor does in a step, and prints for
each its milliseconds per step, mean over all steps, logged or not, and its share of a step.  The
clock waits for an accelerator at both ends, which makes monitors look more expensive than they are.
Writes outputs/bench/monitors.csv.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import hydra
import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from timing import machine

from wavenet_ae.config import check, plain
from wavenet_ae.exits import guarded
from wavenet_ae.training import monitors
from wavenet_ae.training.callbacks import Doctor
from wavenet_ae.training.run import train

ROOT = Path(__file__).parents[1]
TIMED: list[Any] = [*(getattr(monitors, name) for name in monitors.__all__), Doctor]
HOOKS = ("on_train_batch_start", "on_before_optimizer_step", "_note", "on_train_batch_end")
STEPS = 240
LIMIT = 0.02  # of a step

Seconds = dict[str, float]


def main(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = composed(arguments, folder)
        seconds, total = timed_run(config)
    num_steps = config["trainer"]["max_steps"]
    rows = [
        {"monitor": name, "ms a step": 1000 * spent / num_steps, "share": spent / total}
        for name, spent in sorted(seconds.items(), key=lambda pair: -pair[1])
    ]
    spent = sum(seconds.values())
    rows.append({"monitor": "all", "ms a step": 1000 * spent / num_steps, "share": spent / total})
    write(rows, ROOT / "outputs" / "bench" / "monitors.csv")
    show(rows, 1000 * total / num_steps)


def composed(arguments: list[str], folder: str) -> dict[str, Any]:
    """The configuration of a run without validation, quantizing from early on."""
    given = [
        *("name=bench", f"run_folder={folder}", f"trainer.max_steps={STEPS}"),
        *("validate_every_n_steps=1000000", "++bottleneck.start_after=10"),
    ]
    if any(each.startswith(("bottleneck=", "model=")) for each in arguments):
        given.pop()  # not all have it
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = plain(hydra.compose("config", [*given, *arguments]))
    check(config)
    return config


def timed_run(config: dict[str, Any]) -> tuple[Seconds, float]:
    """Seconds of each monitor in all of a training, and of the training from its first step."""
    seconds: Seconds = defaultdict(float)
    for kind in TIMED:
        for hook in HOOKS:
            if hook in vars(kind):
                setattr(kind, hook, timed(getattr(kind, hook), seconds))
    marks: list[float] = []
    starts = monitors.BottleneckGradient.on_train_batch_start

    def marked(*args: Any) -> None:
        marks.append(time.perf_counter())
        starts(*args)

    monitors.BottleneckGradient.on_train_batch_start = marked  # type: ignore[method-assign]
    train(config)
    return dict(seconds), time.perf_counter() - marks[0]


def timed(hook: Callable[..., None], seconds: Seconds) -> Callable[..., None]:
    """`hook`, its time added to that of its callback; hooks that it calls are its own time."""

    @wraps(hook)
    def measured(callback: Any, *args: Any) -> None:
        name = type(callback).__name__
        inner = seconds[name]
        started = now()
        hook(callback, *args)
        seconds[name] = inner + now() - started

    return measured


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def write(rows: list[dict[str, Any]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        named = [{**row, **machine("cuda" if torch.cuda.is_available() else "cpu")} for row in rows]
        writer = csv.DictWriter(file, list(named[0]))
        writer.writeheader()
        writer.writerows(named)


def show(rows: list[dict[str, Any]], step: float) -> None:
    table = Table("monitor", box=SIMPLE, title=f"of a step of {step:.1f} ms")
    for heading in ("ms a step", "share"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(row["monitor"], f"{row['ms a step']:.3f}", f"{100 * row['share']:.2f} %")
    Console().print(table)
    share = rows[-1]["share"]
    Console().print(f"{'within' if share <= LIMIT else 'ABOVE'} the limit of {100 * LIMIT:g} %")


if __name__ == "__main__":
    guarded(lambda: main(sys.argv[1:]))
