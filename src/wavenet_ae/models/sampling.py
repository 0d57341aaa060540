"""From conditioning to sound, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.audio.io import to_int16
from wavenet_ae.engines import Engine, Sampling, stream_uniforms

if TYPE_CHECKING:
    from wavenet_ae.models.base import WaveformModel

SECONDS_AT_ONCE = 0.5


class Conditioning(Protocol):
    """What B streams are given, see models/utterance.py."""

    @property
    def num_samples(self) -> Sequence[int]:
        """Of each stream."""

    def between(self, first: int, stop: int) -> Tensor:
        """Conditioning vectors (B, C, M)."""


def synthesize(
    model: WaveformModel,
    engine: Engine,
    conditioning: Conditioning,
    speaker: Tensor,
    seeds: Sequence[int],
    sampling: Sampling,
) -> Iterator[list[np.ndarray]]:
    """The next samples of each stream, int16, chunk after chunk; those of a stream that has ended
    are empty.  Speaker rows (B,); stream `b` is drawn by the numbers of `seeds[b]`, whatever is
    generated beside it."""
    device = model.decoder.embedding.device
    field, hop = model.decoder.chain.receptive_field, model.decoder.conditioning_hop
    silence = model.quantize_waveform(torch.zeros(1, dtype=torch.int16, device=device))
    history = silence.expand(len(seeds), field)
    at_once = max(1, round(SECONDS_AT_ONCE * model.sample_rate / hop))
    num_vectors = -(-field // hop) + at_once
    first = conditioning.between(0, num_vectors)
    session = engine.begin(history, first, speaker.to(device))
    done, total = 0, max(conditioning.num_samples)
    while done < total:
        count = min(session.num_ready, total - done)
        uniforms = torch.from_numpy(stream_uniforms(seeds, done, count)).to(device)
        waveform = from_levels(session.generate(uniforms, sampling), model.levels)  # (B, count)
        ends = [min(max(each - done, 0), count) for each in conditioning.num_samples]
        yield [row[:end] for row, end in zip(waveform, ends, strict=True)]
        done += count
        if done < total:
            session.extend(conditioning.between(num_vectors, num_vectors + at_once))
            num_vectors += at_once


def from_levels(levels: Tensor, num_levels: int) -> np.ndarray:
    """mu-law levels -> int16 (ITU-T G.711)."""
    decoded = torchaudio.functional.mu_law_decoding(levels.cpu(), num_levels)
    return to_int16(decoded.numpy())[0]
