"""How fast decoders train, against the matrix products of the same run and an ordinary WaveNet.

python benchmarks/training.py                          # three decoders: three minutes on two cores
python benchmarks/training.py --sizes small --repeats 9
python benchmarks/training.py --device cuda

Times whole training steps on noise (forward, loss, backward, clipping, Adam) of the project's
decoder, `ours`, and of `padded`, the ordinary implementation (padded.py), in float32 and as
bf16-mixed does; then the loading of training data, against the fastest step of the default decoder.
Prints a table and writes outputs/bench/training.csv:

    samples/s   predicted samples a second: the median over rounds, and the range
    GFLOPS      of the arithmetic that valid predictions need (steps.py), whoever computes more
    of peak     of the fastest matrix product, square or of the decoder's sizes, in the same
                precision: the median over rounds of the ratio, so that a slow moment cancels

The rows `products` say what a step would come to if all of it ran as fast as the fastest product of
the decoder's sizes.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from timing import SQUARES, Shape, machine, matrix_product, product_flops, seconds_per_call
from torch import nn

from wavenet_ae.config import plain
from wavenet_ae.data.module import SpeechData
from wavenet_ae.instantiate import instantiate
from wavenet_ae.models import build
from wavenet_ae.models.build import model_config
from wavenet_ae.training.preflight import window_samples

ROOT = Path(__file__).parents[1]
SIZES = ("reference", "small", "default")
IMPLEMENTATIONS = ("ours", "padded")
GPU_BATCH = 16  # times that of a CPU
DATA_GOAL = 0.02  # of a step
Task = tuple[Precision, str | Shape]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=SIZES, choices=SETUPS)
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
    rates = [
        median(row["samples/s"])
        for row in rows
        if (row["decoder"], row["implementation"]) == ("default", "ours")
    ]
    if rates:
        batch = SETUPS["default"].batch
        seconds = batch_seconds(given.repeats, [f"data.batch_size={batch}"])
        show_data(seconds, SETUPS["default"].num_samples / max(rates))


def measure(
    name: str, setup: Setup, repeats: int, device: str, squares: Sequence[Shape] = SQUARES
) -> list[dict[str, Any]]:
    """Three rows for each precision of a decoder, all timed in turns; lists are over rounds."""
    times = seconds_per_call(dict(tasks(setup, squares, device)), repeats, device)
    flops = training_flops(setup.decoder(), setup.batch, setup.num_targets)
    rows = []
    for precision in DTYPES:
        own = fastest(times, precision, setup.products)
        peak = fastest(times, precision, [*squares, own])
        peaks = [product_flops(peak) / seconds for seconds in times[precision, peak]]
        steps = {each: times[precision, each] for each in IMPLEMENTATIONS}
        as_many = flops / product_flops(own)
        steps["products"] = [seconds * as_many for seconds in times[precision, own]]
        for implementation, step in steps.items():
            row = {
                "decoder": name,
                "implementation": implementation,
                "precision": precision,
                "batch": setup.batch,
                "targets": setup.num_targets,
                "samples/s": [setup.num_samples / seconds for seconds in step],
                "GFLOPS": [flops / seconds / 1e9 for seconds in step],
                "of peak": [flops / s / p for s, p in zip(step, peaks, strict=True)],
                "peak GFLOPS": [each / 1e9 for each in peaks],
                "peak product": "x".join(map(str, peak)),
                "rounds": repeats,
                **machine(device),
            }
            rows.append(row)
    return rows


def fastest(
    times: Mapping[Task, Sequence[float]], precision: Precision, shapes: Sequence[Shape]
) -> Shape:
    return max(shapes, key=lambda shape: product_flops(shape) / median(times[precision, shape]))


def tasks(
    setup: Setup, squares: Sequence[Shape], device: str
) -> Iterator[tuple[Task, Callable[[], object]]]:
    inputs = noise(setup.decoder(), setup.batch, setup.num_targets, device)
    for precision, dtype in DTYPES.items():
        for shape in [*squares, *setup.products]:
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
    data = instantiate(config["data"], SpeechData, sample_rate=rate, seed=seed)
    data.open()
    model = build(model_config(config), data.training_speakers)
    data.use(model.window(window_samples(model, config["data"]["window_seconds"])))
    batches = iter(data.train_dataloader())
    return seconds_per_call({"batch": lambda: next(batches)}, repeats, "cpu", least=0.02)["batch"]


def write(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = [dict(columns(row)) for row in rows]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(flat[0]))
        writer.writeheader()
        writer.writerows(flat)


def columns(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each list as its median, least and most."""
    for name, value in row.items():
        if isinstance(value, list):
            yield name, median(value)
            yield f"{name} lowest", min(value)
            yield f"{name} highest", max(value)
        else:
            yield name, value


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    title = "{processor}, {cores} cores, {threads} threads, torch {torch}".format(**rows[-1])
    table = Table("decoder", "", "", title=title, box=SIMPLE, padding=(0, 1))
    for name in ("samples/s", "GFLOPS", "of peak", "peak GFLOPS"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            *(row["decoder"], row["implementation"], row["precision"]),
            spread(row["samples/s"], ",.0f"),
            f"{median(row['GFLOPS']):,.0f}",
            spread(row["of peak"], ".2f"),
            f"{median(row['peak GFLOPS']):,.0f} ({row['peak product']})",
        )
    Console(width=120).print(table)


def show_data(seconds: Sequence[float], step: float) -> None:
    share = median(seconds) / step
    print(
        f"a batch of training data: {spread([1e3 * each for each in seconds], '.2f')} ms, "
        f"{share:.1%} of the default decoder's fastest step, {1e3 * step:.0f} ms "
        f"(goal: under {DATA_GOAL:.0%})"
    )


def spread(values: Sequence[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


if __name__ == "__main__":
    main()
