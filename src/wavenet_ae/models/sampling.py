"""From conditioning to sound, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.engines import Engine, Sampling, stream_uniforms
from wavenet_ae.models.roles import Conditioning, GenerativeModel

SECONDS_AT_ONCE = 0.5


def synthesize(
    model: GenerativeModel,
    engine: Engine,
    conditioning: Conditioning,
    speaker: Tensor,
    seeds: Sequence[int],
    sampling: Sampling,
) -> Iterator[list[np.ndarray]]:
    """Generates the waveforms of B streams.

    Args:
        model: Model whose target is a sample.
        engine: Steps its decoder.
        conditioning: What each stream is generated from.
        speaker: Rows (B,) of the speakers.
        seeds: Seed of each stream's random numbers, which nothing beside it changes.
        sampling: Changes to the predicted distribution.

    Yields:
        The next int16 samples of each stream; those of a stream that has ended are empty.

    Raises:
        UserError: The decoder's output cannot be sampled in this way.
    """
    decoder, device = model.decoder, model.device
    decoder.output.require_sampling(sampling)
    field, hop = decoder.chain.receptive_field, decoder.conditioning_hop
    silence = model.target(torch.zeros(1, 1, dtype=torch.int16, device=device))  # (1, 1)
    history = silence.expand(len(seeds), field)
    at_once = max(1, round(SECONDS_AT_ONCE * model.sample_rate / hop))
    num_vectors = -(-field // hop) + at_once
    first = conditioning.between(0, num_vectors)
    session = engine.begin(history, first, speaker.to(device))
    done, total = 0, max(conditioning.num_samples)
    while done < total:
        count = min(session.num_ready, total - done)
        uniforms = torch.from_numpy(stream_uniforms(seeds, done, count)).to(device)
        waveform = model.target.to_waveform(session.generate(uniforms, sampling))  # (B, count)
        ends = [min(max(each - done, 0), count) for each in conditioning.num_samples]
        yield [row[:end] for row, end in zip(waveform, ends, strict=True)]
        done += count
        if done < total:
            session.extend(conditioning.between(num_vectors, num_vectors + at_once))
            num_vectors += at_once
