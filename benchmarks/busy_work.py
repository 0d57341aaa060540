"""What benchmarks/busy.py runs: kinds of work that wait for their turns.

A turn is a line on standard input, its length in seconds; the answer is the work done in it per
second.  With ADAPT=0 in the environment all threads are used, as torch has them.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import hydra
import torch
from packing import make_recordings

from wavenet_ae.config import plain
from wavenet_ae.data.module import SpeechData
from wavenet_ae.data.packing import pack
from wavenet_ae.data.sources import FolderSource
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.windows import TrainingWindows
from wavenet_ae.engines import make_engine
from wavenet_ae.instantiate import instantiate
from wavenet_ae.metrics.likelihood import likelihood
from wavenet_ae.models import Autoencoder, build
from wavenet_ae.models.build import model_config
from wavenet_ae.models.utterance import encode_utterance
from wavenet_ae.threads import AdaptedTorch
from wavenet_ae.training.run import train
from wavenet_ae.types import Batch

IS_ADAPTED = os.environ.get("ADAPT") != "0"
ROOT = Path(__file__).parents[1]
NEVER = 10**9  # steps
NUM_FILES = 200  # packed at once


class Turns:
    """Keeps work waiting between its turns, and adds up what it does in each."""

    def __init__(self) -> None:
        self.until = self.began = self.done = 0.0
        self.has_begun = False

    def next(self, amount: float = 0.0) -> None:
        """Notes that `amount` more is done; waits if the turn is over."""
        self.done += amount
        now = time.perf_counter()
        if now < self.until:
            return
        rate = self.done / (now - self.began) if self.has_begun else 0.0
        print(rate, flush=True)  # at first: that all is ready
        line = sys.stdin.readline()
        if not line:
            sys.exit()
        self.has_begun, self.done, self.began = True, 0.0, time.perf_counter()
        self.until = self.began + float(line)


class NotAdapted:
    """Takes the place of `AdaptedTorch`."""

    def next_piece(self) -> None:
        pass


def adapted() -> AbstractContextManager[Any]:
    return AdaptedTorch() if IS_ADAPTED else nullcontext(NotAdapted())


def configuration(*overrides: str) -> dict[str, Any]:
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return plain(hydra.compose("config", ["run_folder=unused", "name=busy", *overrides]))


def training(turns: Turns) -> None:
    """The default training, monitors included, without validations and checkpoints."""
    never = ("callbacks.checkpoints.every_n_steps", "validate_every_n_steps")
    adaptive = [] if IS_ADAPTED else ["callbacks.threads=null"]
    settings = ["trainer.max_steps=-1", "trainer.accelerator=cpu", "logger=csv", *adaptive]
    settings += [f"{key}={NEVER}" for key in never]
    config = configuration(*settings, "callbacks.audio_samples.every_n_steps=0")
    seconds = config["data"]["batch_size"] * config["data"]["window_seconds"]
    windows = TrainingWindows.__iter__

    def waiting(self: TrainingWindows) -> Iterator[Batch]:
        batches = windows(self)
        yield from itertools.islice(batches, 2)  # one is computed, one fetched ahead
        for batch in batches:
            turns.next(seconds)
            yield batch

    TrainingWindows.__iter__ = waiting  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        train({**config, "run_folder": folder})


def untrained(config: dict[str, Any]) -> tuple[Autoencoder, SpeechData]:
    rate, seed = config["sample_rate"], config["seed"]
    data = instantiate(config["data"], SpeechData, sample_rate=rate, seed=seed)
    data.open()
    model = build(model_config(config), data.training_speakers).eval()
    assert isinstance(model, Autoencoder)
    return model, data


def evaluation(turns: Turns) -> None:
    """The likelihood of whole utterances, with its controls."""
    model, data = untrained(configuration())
    rows = data.corpus.rows("validation")
    while True:
        before = 0
        with adapted() as threads:
            for num_samples, _ in likelihood(model, data.corpus, rows):
                threads.next_piece()
                turns.next((num_samples - before) / model.sample_rate)
                before = num_samples


def encoding(turns: Turns) -> None:
    """Codes of whole utterances."""
    model, data = untrained(configuration())
    corpus = data.corpus
    with adapted() as threads:
        for row in itertools.cycle(range(len(corpus))):
            length = int(corpus.length[row])
            encode_utterance(model, torch.from_numpy(corpus.read(row, 0, length)))
            threads.next_piece()
            turns.next(length / corpus.sample_rate)


def generation(turns: Turns) -> None:
    """Eight streams of the reference decoder, by the native engine in int8."""
    from generation import Generation
    from steps import SETUPS

    generate = Generation(make_engine("native_int8", SETUPS["reference"].decoder()), batch=8)
    while True:
        turns.next(8 * generate().shape[-1] / 16_000)


def packing(turns: Turns) -> None:
    """Recordings of 0.3 to 1 s from 16 kHz to 8 kHz, in as many processes as there are cores."""
    with tempfile.TemporaryDirectory() as folder:
        make_recordings(Path(folder, "recordings"), NUM_FILES)
        source = FolderSource(str(Path(folder, "recordings")))
        for number in itertools.count():
            turns.next(NUM_FILES if number else 0)
            cache = Path(folder, f"cache-{number}")
            pack(source, cache, 8000, Splits(), num_workers=os.cpu_count())


WORK: dict[str, Callable[[Turns], None]] = {
    each.__name__: each for each in (training, evaluation, encoding, generation, packing)
}

if __name__ == "__main__":
    WORK[sys.argv[1]](Turns())
