"""Reconstruction: utterances resynthesized from their codes, and controls.

- reconstruction: own codes, own speaker
- another utterance's codes: a control, what the decoder generates whatever its codes are
- to the lowest voice: own codes, conditioned on the speaker with the lowest mean F0
- to the highest voice: own codes, conditioned on the speaker with the highest mean F0
- mu-law alone: the original rounded to mu-law levels; no reconstruction can be nearer
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.engines import Engine, Sampling, stream_seed
from wavenet_ae.metrics.f0 import mean_f0
from wavenet_ae.models import Autoencoder, CodeModel
from wavenet_ae.models.conditioning import CodeConditioning
from wavenet_ae.models.sampling import synthesize
from wavenet_ae.models.utterance import encode_utterance

FEWEST_SECONDS, MOST_SECONDS = 20.0, 60.0  # training recordings for measuring a speaker's F0
MOST_VOICES = 20  # speakers whose F0 is measured, those with most training recordings
RECONSTRUCTION, OTHER_CODES, MU_LAW = "reconstruction", "another utterance's codes", "mu-law alone"
TO_LOWEST, TO_HIGHEST = "to the lowest voice", "to the highest voice"


@dataclass(frozen=True)
class Originals:
    """Utterances to resynthesize.

    Attributes:
        names: Names of the recordings.
        samples: `(T,)` int16 each, at the model's rate.
        speakers: Speaker of each utterance.
        voices: Mean F0 in Hz, in training recordings, of speakers that the model knows.
    """

    names: list[str]
    samples: list[np.ndarray]
    speakers: list[str]
    voices: dict[str, float]


@dataclass(frozen=True)
class Resynthesis:
    """Resynthesis of an utterance.

    Attributes:
        kind: Kind of the resynthesis, see the module.
        original: Number of the original.
        codes: Codes that condition the decoder, of each stream by its name.
        voice: Speaker that conditions the decoder.
    """

    kind: str
    original: int
    codes: Mapping[str, Tensor]
    voice: str


def choose(
    model: Autoencoder, corpus: PackedCorpus, rows: np.ndarray, count: int, seconds: float
) -> Originals:
    """Chooses the beginnings of utterances, from as many speakers as possible.

    Utterances of unknown speakers are used only if the model knows none of the speakers.

    Args:
        model: The model.
        corpus: The packed corpus.
        rows: Rows of the utterances to choose from.
        count: Utterances to choose, at most.
        seconds: Length of each beginning, at most.
    """
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
    """Measures the mean F0 of known speakers with enough training recordings.

    If there is no training split, all recordings are used.

    Returns:
        Mean F0 in Hz by speaker, of those with most recordings.
    """
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
    """Recordings in sequence, `(T,)` int16, at most MOST_SECONDS."""
    left, parts = round(MOST_SECONDS * corpus.sample_rate), []
    for row in rows.tolist():
        parts.append(corpus.read(row, 0, min(int(corpus.length[row]), left)))
        left -= len(parts[-1])
    return np.concatenate(parts)


def plan_resyntheses(model: Autoencoder, originals: Originals) -> Iterator[Resynthesis]:
    """Yields every resynthesis of the originals; voices are converted only if two are known."""
    codes = [codes_of(model, each) for each in originals.samples]
    for number, (own, speaker) in enumerate(zip(codes, originals.speakers, strict=True)):
        yield Resynthesis(RECONSTRUCTION, number, own, speaker)
        if len(codes) > 1:
            next_one = codes[(number + 1) % len(codes)]
            other = {name: repeated(each, own[name].shape[-1]) for name, each in next_one.items()}
            yield Resynthesis(OTHER_CODES, number, other, speaker)
        if len(originals.voices) > 1:
            by_f0 = sorted(originals.voices, key=originals.voices.__getitem__)
            yield Resynthesis(TO_LOWEST, number, own, by_f0[0])
            yield Resynthesis(TO_HIGHEST, number, own, by_f0[-1])


def codes_of(model: CodeModel, samples: np.ndarray) -> dict[str, Tensor]:
    """Returns the codes of samples `(T,)` int16 at the model's rate, of each stream by its name."""
    return encode_utterance(model, torch.from_numpy(samples).to(model.device))


def repeated(codes: Tensor, size: int) -> Tensor:
    """Returns the first `size` of codes `(..., N)`, repeated over and over."""
    return torch.cat([codes] * -(-size // codes.shape[-1]), dim=-1)[..., :size]


def resynthesize(
    model: Autoencoder,
    originals: Originals,
    sounds: Sequence[Resynthesis],
    engine: Engine,
    sampling: Sampling,
    seed: int = 0,
) -> Iterator[list[np.ndarray]]:
    """Resynthesizes utterances side by side, each as long as its original.

    Args:
        model: The model, in evaluation mode.
        originals: The original utterances.
        sounds: What to resynthesize.
        engine: Engine that generates samples.
        sampling: Temperature and truncation of the sampling.
        seed: Seed of the random numbers.

    Returns:
        Chunks of all utterances, as `synthesize` yields them.
    """
    conditioning = CodeConditioning(model, [each.codes for each in sounds])
    conditioning.num_samples = [len(originals.samples[each.original]) for each in sounds]
    rows = torch.tensor([model.speaker_row(each.voice) for each in sounds])
    names = [f"{each.kind} {originals.names[each.original]}" for each in sounds]
    seeds = [stream_seed(seed, name) for name in names]
    return synthesize(model, engine, conditioning, rows, seeds, sampling)


def through_mu_law(model: Autoencoder, samples: np.ndarray) -> np.ndarray:
    """Returns samples `(T,)` int16 as targets give them back: mu-law levels, or mel frames."""
    chain = model.target.chain
    num_targets = -(-len(samples) // int(chain.grid().spacing))
    silence = (0, chain.input_length(num_targets) - len(samples))  # that the last frames read
    targets = model.target(F.pad(torch.from_numpy(samples), silence)[None])
    return model.target.to_waveform(targets)[0, : len(samples)]
