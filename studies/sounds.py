"""How near is what a model says to what it has heard?  In whose voice?

python studies/sounds.py outputs/small_speech/2026-01-31_12-00-00     # a run folder

Takes utterances of the run's validation split whose speakers the model knows, and speaks them
with their own codes, with the codes of the next utterance (a control), and in the voices of the
speakers whose training recordings have the lowest and the highest F0; beside them, the original in
mu-law alone.  All are spoken side by side, each drawn by random numbers of its own.

Writes sounds and figures.csv, a row for each sound, to <run folder>/sounds/ and prints tables:

    LSD, MCD    distances from the original in dB: log-spectral, mel-cepstral
    same codes  share of the codes of a sound, heard again, that are those of the original
    F0          mean of voiced frames in Hz
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from runs import write_rows

from wavenet_ae.audio.files import write
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.distances import log_spectral_distance, mel_cepstral_distortion
from wavenet_ae.evaluation.f0 import mean_f0
from wavenet_ae.generation import Sampling, make_engine, stream_seed
from wavenet_ae.instantiate import instantiate
from wavenet_ae.loading import load
from wavenet_ae.models import WaveformAutoencoder
from wavenet_ae.models.synthesis import from_levels, synthesise
from wavenet_ae.models.utterance import CodeConditioning

FEWEST_SECONDS = 30  # of training recordings that tell a speaker's F0
FIGURES = ("LSD", "MCD", "same codes", "F0", "F0 of the original", "F0 of the voice")


@dataclass(frozen=True)
class Sound:
    """What is to be said: `kind` of it, of which utterance, by which codes, in whose voice."""

    kind: str
    utterance: int
    codes: torch.Tensor
    voice: str


@dataclass(frozen=True)
class Heard:
    """Utterances that are spoken again.

    originals  (T,) int16 each, at the model's rate
    speakers   who speaks
    voices     mean F0 in Hz of speakers' training recordings, of those who have enough of them
    """

    model: WaveformAutoencoder
    originals: list[np.ndarray]
    speakers: list[str]
    voices: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=12, help="utterances at most")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each at most")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--engine", default="auto")
    given = parser.parse_args()
    heard = listen(given.run, given.count, given.seconds)
    sounds = list(planned(heard))
    began = time.monotonic()
    made = spoken(heard, sounds, given.engine, Sampling(given.temperature))
    took = time.monotonic() - began
    for number, original in enumerate(heard.originals):
        own = heard.model.encode(original, heard.model.sample_rate)
        sounds.append(Sound("mu-law alone", number, own, heard.speakers[number]))
        levels = heard.model.quantise_waveform(torch.from_numpy(original))
        made.append(from_levels(levels[None], heard.model.levels)[0])
    keep(given.run / "sounds", heard, sounds, made)
    table = [measured(heard, *each) for each in zip(sounds, made, strict=True)]
    write_rows(given.run / "sounds" / "figures.csv", table)
    seconds = sum(len(each) for each in made[: -len(heard.originals)]) / heard.model.sample_rate
    report(table)
    print(f"{seconds:.0f} s of sound in {took:.0f} s: {seconds / took:.3f} times real time")


def listen(run: Path, count: int, seconds: float) -> Heard:
    config = yaml.safe_load((run / "config.yaml").read_text())
    rate = config["sample_rate"]
    corpus = instantiate(config["data"], sample_rate=rate, seed=config["seed"]).open()
    model = load(run / "checkpoints" / "best.ckpt")
    assert isinstance(model, WaveformAutoencoder)
    names = [corpus.speakers[row] for row in corpus.speaker]  # of each utterance
    rows = [row for row in corpus.rows("validation") if names[row] in model.speakers][:count]
    ends = [min(int(corpus.length[row]), round(seconds * rate)) for row in rows]
    return Heard(
        model,
        originals=[corpus.read(row, 0, end) for row, end in zip(rows, ends, strict=True)],
        speakers=[names[row] for row in rows],
        voices=speaker_f0(corpus),
    )


def speaker_f0(corpus: PackedCorpus) -> dict[str, float]:
    found = {}
    for speaker, name in enumerate(corpus.speakers):
        rows = corpus.rows("train")
        rows = rows[corpus.speaker[rows] == speaker]
        if corpus.length[rows].sum() >= FEWEST_SECONDS * corpus.sample_rate:
            each = [corpus.read(row, 0, int(corpus.length[row])) for row in rows]
            found[name] = mean_f0(np.concatenate(each), corpus.sample_rate)
    return found


def planned(heard: Heard) -> Iterator[Sound]:
    codes = [heard.model.encode(each, heard.model.sample_rate) for each in heard.originals]
    lowest, highest = (pick(heard.voices, key=heard.voices.__getitem__) for pick in (min, max))
    for number, (own, speaker) in enumerate(zip(codes, heard.speakers, strict=True)):
        other, size = codes[(number + 1) % len(codes)], own.shape[-1]
        repeated = torch.cat([other] * -(-size // other.shape[-1]), dim=-1)[..., :size]
        yield Sound("reconstruction", number, own, speaker)
        yield Sound("another utterance's codes", number, repeated, speaker)
        yield Sound("to the lowest voice", number, own, lowest)
        yield Sound("to the highest voice", number, own, highest)


def spoken(
    heard: Heard, sounds: Sequence[Sound], engine: str, sampling: Sampling
) -> list[np.ndarray]:
    """(T,) int16 each, as long as its original; all side by side."""
    model = heard.model
    conditioning = CodeConditioning(model, [each.codes for each in sounds])
    rows = torch.tensor([model.speaker_row(each.voice) for each in sounds])
    seeds = [stream_seed(0, f"{each.kind} {each.utterance}") for each in sounds]
    steps = make_engine(engine, model.decoder)
    chunks = list(synthesise(model, steps, conditioning, rows, seeds, sampling))
    lengths = [len(heard.originals[each.utterance]) for each in sounds]
    return [
        np.concatenate([chunk[row] for chunk in chunks])[:length]
        for row, length in enumerate(lengths)
    ]


def keep(folder: Path, heard: Heard, sounds: Sequence[Sound], made: Sequence[np.ndarray]) -> None:
    rate = heard.model.sample_rate
    for number, original in enumerate(heard.originals):
        write(folder / f"{number:02d}-original.wav", original, rate)
    for sound, waveform in zip(sounds, made, strict=True):
        kind = sound.kind.replace(" ", "-").replace("'", "")
        write(folder / f"{sound.utterance:02d}-{kind}.wav", waveform, rate)


def measured(heard: Heard, sound: Sound, waveform: np.ndarray) -> dict[str, str | float]:
    """A row of the table."""
    rate, original = heard.model.sample_rate, heard.originals[sound.utterance]
    own, again = (heard.model.encode(each, rate) for each in (original, waveform))
    has_codes = not own.is_floating_point()
    return {
        "kind": sound.kind,
        "utterance": sound.utterance,
        "speaker": heard.speakers[sound.utterance],
        "voice": sound.voice,
        "LSD": log_spectral_distance(original, waveform, rate).decibels,
        "MCD": mel_cepstral_distortion(original, waveform, rate).decibels,
        "same codes": float((own == again).float().mean()) if has_codes else float("nan"),
        "F0": mean_f0(waveform, rate),
        "F0 of the original": mean_f0(original, rate),
        "F0 of the voice": heard.voices.get(sound.voice, float("nan")),
    }


def report(table: Sequence[Mapping[str, str | float]]) -> None:
    """In Markdown: a line for each kind of sound, with means over utterances."""
    print(f"| | {' | '.join(FIGURES)} |\n{'| --- ' * (len(FIGURES) + 1)}|")
    for kind in dict.fromkeys(row["kind"] for row in table):
        of_kind = [row for row in table if row["kind"] == kind]
        cells = [mean_and_error([float(row[name]) for row in of_kind]) for name in FIGURES]
        print(f"| {kind} | {' | '.join(cells)} |")


def mean_and_error(values: Sequence[float]) -> str:
    """The mean over utterances and its standard error."""
    finite = np.array([each for each in values if np.isfinite(each)])
    if not len(finite):
        return ""
    digits = 3 if finite.max() <= 1 else 1
    error = finite.std(ddof=1) / np.sqrt(len(finite)) if len(finite) > 1 else 0.0
    return f"{finite.mean():.{digits}f} ± {error:.{digits}f}"


if __name__ == "__main__":
    main()
