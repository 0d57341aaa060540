"""How fast decoders generate, sample by sample, beside what a sample costs the full convolution.

python benchmarks/generation.py                        # two decoders: two minutes on two cores
python benchmarks/generation.py --sizes small --batches 1 --repeats 9
python benchmarks/generation.py --device cuda          # with the engine cuda_graph

Each engine goes on with streams of noise, conditioning included: it is projected as it comes, a
chunk at a time.  `full convolution` is the decoder's forward pass over a window of training, whose
samples are all known: what a sample would cost if it need not wait for the one before it.  All are
timed in turns.  Prints a table and writes outputs/bench/generation.csv:

    samples/s     of all streams together: the median over rounds, and the range
    us/sample     microseconds from one sample of a stream to the next
    x real time   seconds of sound that a second makes of each stream
    slower        times a sample costs what it costs the full convolution, the median of rounds
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from wavenet_ae.generation import ENGINES, Engine, Sampling, make_engine, stream_uniforms

ROOT = Path(__file__).parents[1]
SIZES = ("reference", "small")
BATCHES = (1, 8)
SAMPLES_AT_ONCE = 64  # a chunk
SAMPLE_RATE = 16_000  # Hz, of `x real time`
FULL = "full convolution"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=SIZES, choices=SETUPS)
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES, help="streams")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rows = []
    for name in given.sizes:
        rows += measure(name, SETUPS[name], given.batches, given.repeats, given.device)
    write(rows, ROOT / "outputs" / "bench" / "generation.csv")
    show(rows)


def measure(
    name: str, setup: Setup, batches: Sequence[int], repeats: int, device: str
) -> list[dict[str, Any]]:
    """A row for each batch and engine of a decoder, and for the full convolution; all are timed in
    turns, and lists are over rounds."""
    decoder = setup.decoder().to(device).eval()
    tasks = {
        (batch, which): task
        for batch in batches
        for which, task in tasks_of(decoder, batch, setup.num_targets)
    }
    times = seconds_per_call(tasks, repeats, device)
    rows = []
    for (batch, which), seconds in times.items():
        count = setup.num_targets if which == FULL else SAMPLES_AT_ONCE
        per_sample = [each / count for each in seconds]  # of each stream
        full = [each / setup.num_targets for each in times[batch, FULL]]
        row = {
            "decoder": name,
            "implementation": which,
            "batch": batch,
            "samples/s": [batch / each for each in per_sample],
            "us/sample": [1e6 * each for each in per_sample],
            "x real time": [1 / each / SAMPLE_RATE for each in per_sample],
            "slower": [own / least for own, least in zip(per_sample, full, strict=True)],
            "rounds": repeats,
            **machine(device),
        }
        rows.append(row)
    return rows


def tasks_of(
    decoder: WaveNet, batch: int, num_targets: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    device = decoder.embedding.device.type
    for name in ENGINES:
        if name != "cuda_graph" or device == "cuda":
            yield name, Generation(make_engine(name, decoder), batch)
    *inputs, _ = noise(decoder, batch, num_targets, device)
    samples, conditioning, speaker = (each.detach() for each in inputs)

    @torch.no_grad()
    def full() -> object:
        return decoder(samples, conditioning, speaker)

    yield FULL, full


class Generation:
    """The next SAMPLES_AT_ONCE samples of some streams, and the conditioning that they need."""

    def __init__(self, engine: Engine, batch: int) -> None:
        decoder = engine.decoder
        device, hop = decoder.embedding.device, decoder.conditioning_hop
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
    title = "{processor}, {cores} cores, {threads} threads, torch {torch}".format(**rows[-1])
    table = Table("decoder", "", title=title, box=SIMPLE, padding=(0, 1))
    for name in ("batch", "samples/s", "us/sample", "x real time", "slower"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            *(row["decoder"], row["implementation"], str(row["batch"])),
            spread(row["samples/s"], ",.0f"),
            f"{median(row['us/sample']):,.1f}",
            f"{median(row['x real time']):.3g}",
            f"{median(row['slower']):.3g}",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
