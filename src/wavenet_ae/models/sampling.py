"""Sound of whole utterances: targets that an engine samples, chunk by chunk, as waveforms."""

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
    """Generates the waveforms of B utterances.

    Args:
        model: Model that generates.
        engine: Steps its decoder.
        conditioning: What each utterance is generated from.
        speaker: Rows (B,) of the speakers.
        seeds: Seed of each utterance's random numbers, which nothing beside it changes.
        sampling: Changes to the predicted distribution.

    Yields:
        The next int16 samples of each utterance; those of one that has ended are empty. Where
        targets are frames, all samples come at once.

    Raises:
        UserError: The decoder's output cannot be sampled in this way.
    """
    pieces = generate_targets(model, engine, conditioning, speaker, seeds, sampling)
    if model.target.num_channels is not None:
        frames = torch.cat([*pieces], dim=1)  # (B, W, C)
        hop = int(model.target.chain.grid().spacing)
        yield [
            model.target.to_waveform(row[None, : -(-length // hop)])[0, :length]
            for row, length in zip(frames, conditioning.num_samples, strict=True)
        ]
        return
    done = 0
    for targets in pieces:
        waveform = model.target.to_waveform(targets)  # (B, count)
        count = waveform.shape[1]
        ends = [min(max(each - done, 0), count) for each in conditioning.num_samples]
        yield [row[:end] for row, end in zip(waveform, ends, strict=True)]
        done += count


def generate_targets(
    model: GenerativeModel,
    engine: Engine,
    conditioning: Conditioning,
    speaker: Tensor,
    seeds: Sequence[int],
    sampling: Sampling,
) -> Iterator[Tensor]:
    """Generates the targets of B utterances, as many of each as the longest has.

    Args:
        model: Model that generates.
        engine: Steps its decoder.
        conditioning: What each utterance is generated from.
        speaker: Rows (B,) of the speakers.
        seeds: Seed of each utterance's random numbers, which nothing beside it changes.
        sampling: Changes to the predicted distribution.

    Yields:
        The next targets (B, n), or frames (B, n, C).

    Raises:
        UserError: The decoder's output cannot be sampled in this way.
    """
    decoder, target, device = model.decoder, model.target, model.device
    decoder.output.require_sampling(sampling)
    field, hop = decoder.chain.receptive_field, decoder.conditioning_hop
    read = target.chain.input_length(1)
    silence = target(torch.zeros(1, read, dtype=torch.int16, device=device))  # (1, 1, ...)
    history = silence.expand(len(seeds), field, *target.shape)
    target_hop = int(target.chain.grid().spacing)
    at_once = max(1, round(SECONDS_AT_ONCE * model.sample_rate / (hop * target_hop)))
    num_vectors = -(-field // hop) + at_once
    speaker = speaker.to(device)
    first = model.adapt(conditioning.between(0, num_vectors), speaker)
    session = engine.begin(history, first, speaker)
    done, total = 0, -(-max(conditioning.num_samples) // target_hop)
    while done < total:
        count, size = min(session.num_ready, total - done), target.num_values
        numbers = torch.from_numpy(stream_uniforms(seeds, done * size, count * size)).to(device)
        yield session.generate(numbers.view(len(seeds), count, *target.shape), sampling)
        done += count
        if done < total:
            further = conditioning.between(num_vectors, num_vectors + at_once)
            session.extend(model.adapt(further, speaker))
            num_vectors += at_once
