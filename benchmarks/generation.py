"""How fast decoders generate, sample by sample, beside what a sample costs the full convolution.

python benchmarks/generation.py                        # two decoders: four minutes on two cores
python benchmarks/generation.py --engines native native_int8 --batches 1
python benchmarks/generation.py --sizes small --batches 1 --repeats 9
python benchmarks/generation.py --device cuda          # with the engine cuda_graph

Each engine continues streams of noise, conditioning included: it is projected as it comes, a
chunk at a time.  `full convolution` is the decoder's forward pass over a window of training, whose
samples are all known: what a sample would cost if it need not wait for the one before it.  Beside
each native engine its roofline: its threads read its weights from end to end, and do nothing else.
All are timed in turns.  Prints a table and writes outputs/bench/generation.csv:

    samples/s     of all streams together: the median over rounds, and the range
    us/sample     microseconds from one sample of a stream to the next
    x real time   seconds of sound that a second makes of each stream
    slower        times a sample costs what it costs the full convolution, the median of rounds
    faster        times as many samples as the reference engine makes
    GB/s          at which weights are read, of the roofline
    of roofline   samples/s of each stream, of those if each read all weights once and no more
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import isnan, nan
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from steps import SETUPS, Setup, noise
from timing import machine, seconds_per_call
from training import spread, write

from wavenet_ae.decoders import WaveNet
from wavenet_ae.engines import (
    ENGINES,
    NATIVE_ENGINES,
    Engine,
    Sampling,
    make_engine,
    stream_uniforms,
)
from wavenet_ae.engines.native import NativeEngine

ROOT = Path(__file__).parents[1]
SIZES = ("reference", "small")
BATCHES = (1, 8)
FIGURES = {  # and how they are shown
    "us/sample": ",.1f",
    "x real time": ".3g",
    "slower": ".3g",
    "faster": ".3g",
    "GB/s": ".0f",
    "of roofline": ".2f",
}
SAMPLES_AT_ONCE = 64  # a chunk
READS_AT_ONCE = 16  # of all weights
SAMPLE_RATE = 16_000  # Hz, of `x real time`
FULL, ROOFLINE = "full convolution", "roofline of "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=SIZES, choices=SETUPS)
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES, help="streams")
    parser.add_argument("--engines", nargs="+", choices=[*ENGINES, *NATIVE_ENGINES])
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rows = []
    for name in given.sizes:
        decoder = SETUPS[name].decoder().to(given.device).eval()
        engines = engines_for(decoder, given.engines or engines_on(given.device))
        rows += measure(name, SETUPS[name], engines, given.batches, given.repeats)
    write(rows, ROOT / "outputs" / "bench" / "generation.csv")
    show(rows)


def engines_on(device: str) -> list[str]:
    return [*ENGINES] if device == "cuda" else ["reference", *NATIVE_ENGINES]


def engines_for(decoder: WaveNet, names: Sequence[str]) -> dict[str, Engine]:
    return {name: make_engine(name, decoder) for name in names}


def measure(
    name: str,
    setup: Setup,
    engines: Mapping[str, Engine],
    batches: Sequence[int],
    repeats: int,
) -> list[dict[str, Any]]:
    """A row for each batch and engine of a decoder, and for the full convolution; all are timed in
    turns, and lists are over rounds."""
    decoder = next(iter(engines.values())).decoder
    tasks = {
        (batch, which): task
        for batch in batches
        for which, task in tasks_of(engines, batch, setup.num_targets)
    }
    times = seconds_per_call(tasks, repeats, decoder.input.weight.device.type)
    rows = []
    for batch in batches:
        own = {which: each for (size, which), each in times.items() if size == batch}
        full = [each / setup.num_targets for each in own.pop(FULL)]  # seconds a sample
        steps = {which: [each / SAMPLES_AT_ONCE for each in own[which]] for which in engines}
        for which, seconds in {**steps, FULL: full}.items():
            row = {
                **machine(decoder.input.weight.device.type),
                "decoder": name,
                "implementation": which,
                "batch": batch,
                "threads": getattr(engines.get(which), "threads", torch.get_num_threads()),
                "samples/s": [batch / each for each in seconds],
                "us/sample": [1e6 * each for each in seconds],
                "x real time": [1 / each / SAMPLE_RATE for each in seconds],
                "slower": ratios(seconds, full),
                "faster": ratios(steps.get("reference", [nan] * repeats), seconds),
                **roofline(engines.get(which), own.get(ROOFLINE + which), seconds),
                "rounds": repeats,
            }
            rows.append(row)
    return rows


def ratios(seconds: Sequence[float], others: Sequence[float]) -> list[float]:
    return [own / other for own, other in zip(seconds, others, strict=True)]


def roofline(
    engine: Engine | None, reading: Sequence[float] | None, seconds: Sequence[float]
) -> dict[str, list[float]]:
    """Seconds of READS_AT_ONCE, and those of a sample."""
    if not isinstance(engine, NativeEngine) or reading is None:
        return dict.fromkeys(("GB/s", "of roofline"), [nan] * len(seconds))
    once = [each / READS_AT_ONCE for each in reading]
    rate = [engine.packed.weight_bytes / each / 1e9 for each in once]
    return {"GB/s": rate, "of roofline": ratios(once, seconds)}


def tasks_of(
    engines: Mapping[str, Engine], batch: int, num_targets: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, engine in engines.items():
        yield name, Generation(engine, batch)
        if isinstance(engine, NativeEngine):
            yield ROOFLINE + name, partial(engine.packed.read_weights, READS_AT_ONCE)
    decoder = next(iter(engines.values())).decoder
    *inputs, _ = noise(decoder, batch, num_targets, decoder.input.weight.device.type)
    samples, conditioning, speaker = (each.detach() for each in inputs)

    @torch.no_grad()
    def full() -> object:
        return decoder(samples, conditioning, speaker)

    yield FULL, full


class Generation:
    """The next SAMPLES_AT_ONCE samples of some streams, and the conditioning that they need."""

    def __init__(self, engine: Engine, batch: int) -> None:
        decoder = engine.decoder
        device, hop = decoder.input.weight.device, decoder.conditioning_hop
        levels, conditioning, speaker, _ = noise(decoder, batch, SAMPLES_AT_ONCE, device.type)
        history = levels[:, : decoder.chain.receptive_field]
        self.session = engine.begin(history, conditioning.detach(), speaker)
        num_vectors = -(-SAMPLES_AT_ONCE // hop)
        generator = torch.Generator().manual_seed(2)
        shape = (batch, conditioning.shape[1], num_vectors)
        self.conditioning = torch.randn(shape, generator=generator).to(device)
        uniforms = stream_uniforms(range(batch), 0, SAMPLES_AT_ONCE)
        self.uniforms = torch.from_numpy(uniforms).to(device)

    def __call__(self) -> torch.Tensor:
        while self.session.num_ready < SAMPLES_AT_ONCE:
            self.session.extend(self.conditioning)
        return self.session.generate(self.uniforms, Sampling())


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    title = "{processor}, {cores} cores, torch {torch}".format(**rows[-1])
    table = Table("decoder", "", title=title, box=SIMPLE, padding=(0, 1))
    for name in ("batch", "threads", "samples/s", *FIGURES):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            *(row["decoder"], row["implementation"], str(row["batch"]), str(row["threads"])),
            spread(row["samples/s"], ",.0f"),
            *(shown(median(row[name]), how) for name, how in FIGURES.items()),
        )
    Console(width=140).print(table)


def shown(value: float, how: str) -> str:
    return "" if isnan(value) else f"{value:{how}}"


if __name__ == "__main__":
    main()
