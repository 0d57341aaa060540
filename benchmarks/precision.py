"""Measures what weights in fewer bits cost: the NLL of held-out speech by each engine.

python benchmarks/precision.py outputs/small_speech/2026-01-31_12-00-00     # a run folder

Each engine steps through the same beginnings of validation utterances, whose samples it is given,
with their own codes.  Prints means over utterances and, beside them, how much higher the NLL is
than by the first engine, with the standard error over utterances; writes them to
<run folder>/precision.csv.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import yaml

from wavenet_ae.data.module import SpeechData
from wavenet_ae.engines import Engine, make_engine
from wavenet_ae.instantiate import instantiate
from wavenet_ae.loading import load
from wavenet_ae.metrics.sound_quality import mean
from wavenet_ae.models import Autoencoder
from wavenet_ae.models.conditioning import CodeConditioning
from wavenet_ae.models.utterance import encode_utterance
from wavenet_ae.runs import RunFolder

SAMPLES_AT_ONCE = 4000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=25, help="utterances at most")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each at most")
    parser.add_argument("--engines", nargs="+", default=["native", "native_bf16", "native_int8"])
    given = parser.parse_args()
    config = yaml.safe_load(RunFolder(given.run).config.read_text())
    rate = config["sample_rate"]
    corpus = instantiate(config["data"], SpeechData, sample_rate=rate, seed=config["seed"]).open()
    model = load(RunFolder(given.run).best_checkpoint)
    assert isinstance(model, Autoencoder)
    rows = corpus.rows("validation")[: given.count].tolist()
    most = round(given.seconds * rate)
    originals = [corpus.read(row, 0, min(most, int(corpus.length[row]))) for row in rows]
    speakers = [model.speaker_row(corpus.speakers[corpus.speaker[row]]) for row in rows]
    costs = {}
    for name in given.engines:
        engine = make_engine(name, model.decoder)
        pairs = zip(originals, speakers, strict=True)
        costs[name] = np.array([nats_per_sample(model, engine, *pair) for pair in pairs])
    first, table = costs[given.engines[0]], []
    for name, each in costs.items():
        nll, more = mean(each.tolist()), mean((each - first).tolist())
        cells = {"engine": name, "nll": nll.value, "more": more.value, "more_error": more.error}
        table.append(cells)
        print(f"{name}: {nll.value:.4f} nats/sample, {more.value:+.5f} ± {more.error:.5f}")
    with (given.run / "precision.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


@torch.no_grad()
def nats_per_sample(
    model: Autoencoder, engine: Engine, original: np.ndarray, speaker: int
) -> float:
    """Returns the NLL of an utterance (T,) int16 after silence."""
    waveform = torch.from_numpy(original)
    levels = model.target(waveform)[None]  # (1, T)
    silence = model.target(torch.zeros(1, dtype=torch.int16))
    field, hop = model.decoder.chain.receptive_field, model.decoder.conditioning_hop
    conditioning = CodeConditioning(model, [encode_utterance(model, waveform)])
    vectors = conditioning.between(0, -(-(field + len(waveform)) // hop))
    history = silence.expand(1, field)
    session = engine.begin(history, vectors, torch.tensor([speaker]))
    nats = 0.0
    for piece in levels.split(SAMPLES_AT_ONCE, dim=1):
        nats += float(F.cross_entropy(session.score(piece), piece, reduction="sum"))
    return nats / len(waveform)


if __name__ == "__main__":
    main()
