"""Utterances spoken again from their codes: in their own voices, in others, and from wrong codes.

reconstruction             own codes, own voice
another utterance's codes  a control: what the decoder says whatever it is told
to the lowest voice        own codes in the voice of the speaker with the lowest mean F0
to the highest voice
mu-law alone               the original as mu-law levels have it: no reconstruction can be nearer
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.engines import Engine, Sampling, stream_seed
from wavenet_ae.metrics.f0 import mean_f0
from wavenet_ae.models import Autoencoder
from wavenet_ae.models.sampling import synthesize
from wavenet_ae.models.utterance import CodeConditioning

FEWEST_SECONDS, MOST_SECONDS = 20.0, 60.0  # of training recordings that tell a speaker's F0
MOST_VOICES = 20  # whose F0 is measured: the speakers of most training recordings
RECONSTRUCTION, OTHER_CODES, MU_LAW = "reconstruction", "another utterance's codes", "mu-law alone"
TO_LOWEST, TO_HIGHEST = "to the lowest voice", "to the highest voice"


@dataclass(frozen=True)
class Originals:
    """Utterances that are spoken again.

    names     of the recordings
    samples   (T,) int16 each, at the model's rate
    speakers  who speaks
    voices    mean F0 in Hz of speakers whom the model knows, in their training recordings
    """

    names: list[str]
    samples: list[np.ndarray]
    speakers: list[str]
    voices: dict[str, float]


@dataclass(frozen=True)
class Sound:
    """`kind` of the utterance `original`, said by `codes` in the voice of a speaker."""

    kind: str
    original: int
    codes: Tensor
    voice: str


def choose(
    model: Autoencoder, corpus: PackedCorpus, rows: np.ndarray, count: int, seconds: float
) -> Originals:
    """The beginnings of up to `count` utterances among `rows`, from as many speakers as may be;
    those whose speakers the model does not know are taken where it knows none."""
    names = [corpus.speakers[speaker] for speaker in corpus.speaker]  # of each utterance
    known = [row for row in rows.tolist() if names[row] in model.speakers]
    seen: dict[str, int] = {}
    turns = []
    for row in known or rows.tolist():
        seen[names[row]] = seen.get(names[row], 0) + 1
        turns.append((seen[names[row]], row))
    chosen = sorted(row for _, row in sorted(turns)[:count])
    ends = [min(int(corpus.length[row]), round(seconds * model.sample_rate)) for row in chosen]
    return Originals(
        names=[corpus.keys[row] for row in chosen],
        samples=[corpus.read(row, 0, end) for row, end in zip(chosen, ends, strict=True)],
        speakers=[names[row] for row in chosen],
        voices=voices(model, corpus),
    )


def voices(model: Autoencoder, corpus: PackedCorpus) -> dict[str, float]:
    """Mean F0 in Hz of the known speakers who have most training recordings, and enough; of all
    recordings where none are for training."""
    rows, rate = corpus.rows("train"), corpus.sample_rate
    rows = rows if len(rows) else np.arange(len(corpus))
    seconds = np.bincount(corpus.speaker[rows], corpus.length[rows] / rate, len(corpus.speakers))
    found: dict[str, float] = {}
    for speaker in np.argsort(-seconds, kind="stable")[:MOST_VOICES].tolist():
        name = corpus.speakers[speaker]
        if name in model.speakers and seconds[speaker] >= FEWEST_SECONDS:
            hz = mean_f0(_speech(corpus, rows[corpus.speaker[rows] == speaker]), rate)
            found |= {name: hz} if np.isfinite(hz) else {}
    return found


def _speech(corpus: PackedCorpus, rows: np.ndarray) -> np.ndarray:
    """(T,) int16: recordings one after another, at most MOST_SECONDS of them."""
    left, parts = round(MOST_SECONDS * corpus.sample_rate), []
    for row in rows.tolist():
        parts.append(corpus.read(row, 0, min(int(corpus.length[row]), left)))
        left -= len(parts[-1])
    return np.concatenate(parts)


def planned(model: Autoencoder, originals: Originals) -> Iterator[Sound]:
    """What is to be said; without two voices whose F0 is known, nothing is converted."""
    codes = [model.encode(each, model.sample_rate) for each in originals.samples]
    for number, (own, speaker) in enumerate(zip(codes, originals.speakers, strict=True)):
        yield Sound(RECONSTRUCTION, number, own, speaker)
        if len(codes) > 1:
            other = repeated(codes[(number + 1) % len(codes)], own.shape[-1])
            yield Sound(OTHER_CODES, number, other, speaker)
        if len(originals.voices) > 1:
            by_f0 = sorted(originals.voices, key=originals.voices.__getitem__)
            yield Sound(TO_LOWEST, number, own, by_f0[0])
            yield Sound(TO_HIGHEST, number, own, by_f0[-1])


def repeated(codes: Tensor, size: int) -> Tensor:
    """The first `size` of codes (..., N), over and over."""
    return torch.cat([codes] * -(-size // codes.shape[-1]), dim=-1)[..., :size]


def speak(
    model: Autoencoder,
    originals: Originals,
    sounds: Sequence[Sound],
    engine: Engine,
    sampling: Sampling,
    seed: int = 0,
) -> Iterator[list[np.ndarray]]:
    """All sounds side by side, chunk after chunk: as `synthesize`, each as long as its original."""
    conditioning = CodeConditioning(model, [each.codes for each in sounds])
    conditioning.num_samples = [len(originals.samples[each.original]) for each in sounds]
    rows = torch.tensor([model.speaker_row(each.voice) for each in sounds])
    names = [f"{each.kind} {originals.names[each.original]}" for each in sounds]
    seeds = [stream_seed(seed, name) for name in names]
    return synthesize(model, engine, conditioning, rows, seeds, sampling)


def through_mu_law(model: Autoencoder, samples: np.ndarray) -> np.ndarray:
    """(T,) int16 -> the same, rounded to mu-law levels."""
    return model.target.to_waveform(model.target(torch.from_numpy(samples)[None]))[0]
