"""Audio samples of a model: a few utterances reconstructed or generated, and their spectrograms."""

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
from wavenet_ae.models.utterance import synthesize
from wavenet_ae.nn.batch_norm import evaluation_mode
from wavenet_ae.plotting.files import save
from wavenet_ae.plotting.spectrograms import plot_spectrograms

Samples = dict[str, np.ndarray]  # (T,) int16, by the name of their file


@dataclass(frozen=True)
class SampledUtterance:
    """An utterance, and the speakers as whom it is made.

    Args:
        name: Of its files.
        original: (T,) int16.
        speakers: Rows of the speakers by the ending of the file's name; the spectrogram of the
            first is plotted beside the original's.
    """

    name: str
    original: np.ndarray
    speakers: dict[str, int]


@torch.no_grad()
def make_samples(
    model: GenerativeModel, utterances: Sequence[SampledUtterance], engine: str
) -> Samples:
    """Makes each utterance as each of its speakers, as long as the original, all in one batch.

    Random numbers are the same each time.  Training mode is left as it was, part by part.

    Returns:
        The originals and what was made.
    """
    streams = [(each, ending, row) for each in utterances for ending, row in each.speakers.items()]
    names = [f"{each.name}-{ending}" for each, ending, _ in streams]
    rows = model.drop_speakers(torch.tensor([row for *_, row in streams]), None)
    with evaluation_mode(model):
        conditioning = _conditioning(model, [each.original for each, *_ in streams])
        seeds = [stream_seed(0, name) for name in names]
        steps = make_engine(engine, model.decoder)
        chunks = list(synthesize(model, steps, conditioning, rows, seeds, Sampling()))
    samples = {f"{each.name}-original": each.original for each in utterances}
    for index, (each, *_) in enumerate(streams):
        made = np.concatenate([chunk[index] for chunk in chunks])
        samples[names[index]] = made[: len(each.original)]
    return samples


def _conditioning(model: GenerativeModel, originals: Sequence[np.ndarray]) -> Conditioning:
    codes = None
    if isinstance(model, CodeModel):
        codes = [model.encode(each, model.sample_rate) for each in originals]
    return model.conditioning(codes, [len(each) for each in originals])


def write_samples(
    folder: Path, utterances: Sequence[SampledUtterance], samples: Samples, sample_rate: int
) -> None:
    """Writes a recording for each of the samples, and a picture for each utterance."""
    for name, waveform in samples.items():
        write(folder / f"{name}.wav", waveform, sample_rate)
    for each in utterances:
        pair = [f"{each.name}-original", f"{each.name}-{next(iter(each.speakers))}"]
        figure = plot_spectrograms({name: samples[name] for name in pair}, sample_rate)
        save(figure, folder / f"{each.name}.png")
