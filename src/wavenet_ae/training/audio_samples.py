"""The sounds of a few utterances as a model makes them, and their spectrograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from wavenet_ae.audio.io import write
from wavenet_ae.engines import Sampling, make_engine, stream_seed
from wavenet_ae.models import CodeModel, GenerativeModel
from wavenet_ae.models.roles import Conditioning
from wavenet_ae.models.sampling import synthesize
from wavenet_ae.plotting.files import save
from wavenet_ae.plotting.spectrograms import plot_spectrograms

Sounds = dict[str, np.ndarray]  # (T,) int16, by the name of their file


@dataclass(frozen=True)
class Utterance:
    """original   (T,) int16
    voices     rows of the speakers as whom it is made, by the ending of the sound's name; the
               first is the one that is drawn beside the original
    """

    name: str
    original: np.ndarray
    voices: dict[str, int]


@torch.no_grad()
def make_sounds(model: GenerativeModel, utterances: Sequence[Utterance], engine: str) -> Sounds:
    """Each utterance as long as it is in each of its voices, all side by side, and the original.

    The same random numbers each time.  Training mode is left as it was, part by part.
    """
    modes = [(part, part.training) for part in model.modules()]
    streams = [(each, voice, row) for each in utterances for voice, row in each.voices.items()]
    names = [f"{each.name}-{voice}" for each, voice, _ in streams]
    rows = model.drop_speakers(torch.tensor([row for *_, row in streams]), None)
    model.eval()
    try:
        conditioning = _conditioning(model, [each.original for each, *_ in streams])
        seeds = [stream_seed(0, name) for name in names]
        steps = make_engine(engine, model.decoder)
        chunks = list(synthesize(model, steps, conditioning, rows, seeds, Sampling()))
    finally:
        for part, mode in modes:
            part.training = mode
    sounds = {f"{each.name}-original": each.original for each in utterances}
    for index, (each, *_) in enumerate(streams):
        made = np.concatenate([chunk[index] for chunk in chunks])
        sounds[names[index]] = made[: len(each.original)]
    return sounds


def _conditioning(model: GenerativeModel, originals: Sequence[np.ndarray]) -> Conditioning:
    codes = None
    if isinstance(model, CodeModel):
        codes = [model.encode(each, model.sample_rate) for each in originals]
    return model.conditioning(codes, [len(each) for each in originals])


def write_all(
    folder: Path, utterances: Sequence[Utterance], sounds: Sounds, sample_rate: int
) -> None:
    for name, samples in sounds.items():
        write(folder / f"{name}.wav", samples, sample_rate)
    for each in utterances:
        pair = [f"{each.name}-original", f"{each.name}-{next(iter(each.voices))}"]
        figure = plot_spectrograms({name: sounds[name] for name in pair}, sample_rate)
        save(figure, folder / f"{each.name}.png")
