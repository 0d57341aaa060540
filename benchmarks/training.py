"""How fast decoders train, against the matrix products of the same run and an ordinary WaveNet.

python benchmarks/training.py                            # three decoders: four minutes on two cores
python benchmarks/training.py --sizes small --repeats 9
python benchmarks/training.py --device cuda

Times whole training steps on noise (forward, loss, backward, clipping, Adam) of the project's
decoder, `ours`, and of `padded`, the ordinary implementation (padded.py), in float32 and as
bf16-mixed does; then the loading of training data, against the fastest step of the default decoder.
Prints a table and writes outputs/bench/training.csv:

    samples/s   predicted samples a second: the median over rounds, and the range
    GFLOPS      of the arithmetic that valid predictions need (steps.py), whoever computes more
    of peak     of the fastest of several matrix products (timing.py) in the same precision: the
                median over rounds of the ratio, so that a slow moment of the machine cancels
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import hydra
import torch
from padded import PaddedWaveNet
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from steps import DTYPES, SETUPS, Precision, Setup, TrainingStep, noise, training_flops
from timing import SHAPES, Shape, machine, matrix_product, product_flops, seconds_per_call
from torch import nn

from wavenet_ae.config import plain
from wavenet_ae.instantiate import instantiate
from wavenet_ae.models import build
from wavenet_ae.training.run import model_config, window_samples

ROOT = Path(__file__).parents[1]
IMPLEMENTATIONS = ("ours", "padded")
GPU_BATCH = 16  # times that of a CPU
DATA_GOAL = 0.02  # of a step
Task = tuple[Precision, str | Shape]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=list(SETUPS), choices=SETUPS)
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rows = []
    for name in given.sizes:
        setup = SETUPS[name]
        if given.device == "cuda":
            setup = replace(setup, batch=GPU_BATCH * setup.batch)
        rows += measure(name, setup, given.repeats, given.device)
    write(rows, ROOT / "outputs" / "bench" / "training.csv")
    show(rows)
    of_default = [row for row in rows if row["decoder"] == "default"]
    if of_default:
        batch = f"data.batch_size={of_default[0]['batch']}"
        step = min(row["seconds"] for row in of_default)
        show_data(batch_seconds(given.repeats, [batch]), step)


def measure(
    name: str, setup: Setup, repeats: int, device: str, shapes: Sequence[Shape] = SHAPES
) -> list[dict[str, Any]]:
    """A row for each precision and implementation of a decoder, all timed in turns."""
    times = seconds_per_call(dict(tasks(setup, device, shapes)), repeats, device)
    return [
        {
            "decoder": name,
            "implementation": implementation,
            "precision": precision,
            "batch": setup.batch,
            "targets": setup.num_targets,
            **figures(setup, times, precision, implementation, shapes),
            "rounds": repeats,
            **machine(device),
        }
        for precision, implementation in product(DTYPES, IMPLEMENTATIONS)
    ]


def figures(
    setup: Setup,
    times: Mapping[Task, Sequence[float]],
    precision: Precision,
    implementation: str,
    shapes: Sequence[Shape],
) -> dict[str, float | str]:
    def peak(shape: Shape) -> float:
        return product_flops(shape) / median(times[precision, shape])

    fastest = max(shapes, key=peak)
    seconds = times[precision, implementation]
    flops = training_flops(setup.decoder(), setup.batch, setup.num_targets)
    pairs = zip(times[precision, fastest], seconds, strict=True)
    return {
        "seconds": median(seconds),
        "samples/s": setup.num_samples / median(seconds),
        "lowest": setup.num_samples / max(seconds),
        "highest": setup.num_samples / min(seconds),
        "GFLOPS": flops / median(seconds) / 1e9,
        "of peak": flops / product_flops(fastest) * median(p / s for p, s in pairs),
        "peak": peak(fastest) / 1e9,
        "product": "x".join(map(str, fastest)),
    }


def tasks(
    setup: Setup, device: str, shapes: Sequence[Shape]
) -> Iterator[tuple[Task, Callable[[], object]]]:
    inputs = noise(setup.decoder(), setup.batch, setup.num_targets, device)
    for precision, dtype in DTYPES.items():
        for shape in shapes:
            yield (precision, shape), matrix_product(shape, dtype, device)
        for implementation in IMPLEMENTATIONS:
            decoder: nn.Module = setup.decoder()
            if implementation == "padded":
                decoder = PaddedWaveNet(setup.decoder())
            yield (precision, implementation), TrainingStep(decoder, inputs, precision)


def batch_seconds(repeats: int, overrides: Sequence[str] = ()) -> list[float]:
    """Of `next(batch)` of the training data of the default configuration, synthetic speech."""
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = plain(hydra.compose("config", ["run_folder=unused", "name=bench", *overrides]))
    rate, seed = config["sample_rate"], config["seed"]
    data = instantiate(config["data"], sample_rate=rate, seed=seed)
    data.open()
    model = build(model_config(config), data.training_speakers)
    data.use(model.window(window_samples(model, config["data"]["window_seconds"])))
    batches = iter(data.train_dataloader())
    return seconds_per_call({"batch": lambda: next(batches)}, repeats, "cpu", least=0.02)["batch"]


def write(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    last = rows[-1]
    title = "training: {processor}, {cores} cores, {threads} threads, torch {torch}".format(**last)
    table = Table(title=title, box=SIMPLE, padding=(0, 1))
    for name in ("decoder", "", "precision", "samples/s", "(range)", "GFLOPS", "of peak", "peak"):
        table.add_column(name, justify="left" if name in ("decoder", "") else "right")
    for row in rows:
        table.add_row(
            *(row["decoder"], row["implementation"], row["precision"]),
            f"{row['samples/s']:,.0f}",
            f"({row['lowest']:,.0f} to {row['highest']:,.0f})",
            *(f"{row['GFLOPS']:,.0f}", f"{row['of peak']:.2f}"),
            f"{row['peak']:,.0f} ({row['product']})",
        )
    Console(width=120).print(table)


def show_data(seconds: Sequence[float], step: float) -> None:
    share = median(seconds) / step
    print(
        f"a batch of data: {1e3 * median(seconds):.2f} ms ({1e3 * min(seconds):.2f} to "
        f"{1e3 * max(seconds):.2f}), {share:.1%} of the default decoder's fastest step, "
        f"{1e3 * step:.0f} ms (goal: under {DATA_GOAL:.0%})"
    )


if __name__ == "__main__":
    main()
