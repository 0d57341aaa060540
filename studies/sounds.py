"""How near is what a model says to what it has heard?  In whose voice?

python studies/sounds.py outputs/small_speech/2026-01-31_12-00-00     # a run folder

Takes utterances of the run's validation split whose speakers the model knows and speaks them
again, see evaluation/reconstruction.py.  Writes sounds and figures.csv, a row for each of them, to
<run folder>/sounds/, and prints means over utterances with their standard errors:

    lsd_db, mcd_db  distances from the original: log-spectral, mel-cepstral
    same_codes      share of the codes of a sound, heard again, that are those of the original
    f0_hz           mean F0 of the sound, of its original, and of whose voice it is to be
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import yaml
from runs import write_rows

from wavenet_ae.audio.files import write
from wavenet_ae.evaluation.reconstruction import (
    MU_LAW,
    Sound,
    choose,
    planned,
    speak,
    through_mu_law,
)
from wavenet_ae.evaluation.sound_quality import Mean, SoundQuality, means, sound_quality
from wavenet_ae.generation import Sampling, make_engine
from wavenet_ae.instantiate import instantiate
from wavenet_ae.loading import load
from wavenet_ae.models import WaveformAutoencoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=12, help="utterances at most")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each at most")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--engine", default="auto")
    given = parser.parse_args()
    config = yaml.safe_load((given.run / "config.yaml").read_text())
    rate, seed = config["sample_rate"], config["seed"]
    corpus = instantiate(config["data"], sample_rate=rate, seed=seed).open()
    model = load(given.run / "checkpoints" / "best.ckpt")
    assert isinstance(model, WaveformAutoencoder)
    originals = choose(model, corpus, corpus.rows("validation"), given.count, given.seconds)
    sounds, began = list(planned(model, originals)), time.monotonic()
    engine, sampling = make_engine(given.engine, model.decoder), Sampling(given.temperature)
    chunks = list(speak(model, originals, sounds, engine, sampling))
    made = [np.concatenate([chunk[row] for chunk in chunks]) for row in range(len(sounds))]
    seconds, took = sum(len(each) for each in made) / rate, time.monotonic() - began
    for number, (samples, speaker) in enumerate(
        zip(originals.samples, originals.speakers, strict=True)
    ):
        write(given.run / "sounds" / f"{number:02d}-original.wav", samples, rate)
        sounds.append(Sound(MU_LAW, number, model.encode(samples, rate), speaker))
        made.append(through_mu_law(model, samples))
    by_kind: dict[str, list[SoundQuality]] = {}
    rows = []
    for sound, samples in zip(sounds, made, strict=True):
        kind = sound.kind.replace(" ", "-").replace("'", "")
        write(given.run / "sounds" / f"{sound.original:02d}-{kind}.wav", samples, rate)
        quality = sound_quality(model, originals, sound, samples)
        by_kind.setdefault(sound.kind, []).append(quality)
        name = originals.names[sound.original]
        said = {"kind": sound.kind, "utterance": sound.original, "name": name}
        rows.append({**said, "voice": sound.voice, **asdict(quality)})
    write_rows(given.run / "sounds" / "figures.csv", rows)
    report({kind: means(qualities) for kind, qualities in by_kind.items()})
    print(f"{seconds:.0f} s of sound in {took:.0f} s: {seconds / took:.3f} times real time")


def report(table: Mapping[str, Mapping[str, Mean]]) -> None:
    """In Markdown: a line for each kind of sound."""
    names = list(next(iter(table.values())))
    print(f"| | {' | '.join(names)} |\n{'| --- ' * (len(names) + 1)}|")
    for kind, figures in table.items():
        print(f"| {kind} | {' | '.join(cell(each) for each in figures.values())} |")


def cell(mean: Mean) -> str:
    if not mean.count:
        return ""
    digits = 0 if mean.value > 50 else 2 if mean.value > 1 else 3
    error = f" ± {mean.error:.{digits}f}" if np.isfinite(mean.error) else ""
    return f"{mean.value:.{digits}f}{error}"


if __name__ == "__main__":
    main()
