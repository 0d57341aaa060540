"""Sound from codes as callers give them: one utterance, or a batch of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.engines import Engine, Sampling, make_engine, stream_seed
from wavenet_ae.errors import ArgumentError
from wavenet_ae.models.computing import require_computable, undisturbed
from wavenet_ae.models.conditioning import CodeConditioning
from wavenet_ae.models.inputs import (
    checked_codes,
    checked_speakers,
    code_dimensions,
    is_batch,
)
from wavenet_ae.models.roles import Autoencoder
from wavenet_ae.models.sampling import synthesize

Codes: TypeAlias = Tensor | np.ndarray | list[int]


def decode_utterances(
    model: Autoencoder,
    codes: Any,
    speaker: str | Sequence[str | None] | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
    engine: str = "auto",
) -> np.ndarray | list[np.ndarray]:
    """Returns the waveform that is sampled from codes, or those of several utterances.

    Args:
        model: Model to decode with.
        codes: Codes or vectors as `encode` returns them, or as an array or lists of the same
            shape, or a list of several utterances.
        speaker: Name of the speaker. None, and "unknown" where no speaker is called so, are
            the unknown speaker. For several utterances, one name, or a list of one for each.
        sampling: Changes to the predicted distribution; None samples from it as it is.
        seed: Seed of the random numbers, those of each utterance.
        engine: How the decoder is stepped, see `wavenet_ae.engines`.

    Returns:
        Samples (T,) int16 at the model's rate. For a list, a list with what each utterance has
        alone.

    Raises:
        ArgumentError: The codes cannot be those of this model, or it does not know the speaker.
        UserError: The engine or the sampling cannot be used with this model.
    """
    require_computable(model)
    several = is_batch(codes, code_dimensions(model))
    given = codes if several else [codes]
    names = [f"codes[{i}]" for i in range(len(given))] if several else ["codes"]
    checked = [checked_codes(model, *each) for each in zip(given, names, strict=True)]
    if isinstance(speaker, list | tuple) and not several:
        raise ArgumentError(f"speaker is {speaker!r}, but there is one utterance: give one name")
    speakers = checked_speakers(model, speaker, len(checked))
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise ArgumentError(f"seed is {seed!r}, but must be a whole number")
    if not isinstance(sampling, Sampling | None):
        raise ArgumentError(f"sampling is {sampling!r}, but must be a Sampling, or None")
    stepped = make_engine(engine, model.decoder)
    with undisturbed(model):
        sounds = [
            _sound(model, each, name, stepped, sampling or Sampling(), int(seed))
            for each, name in zip(checked, speakers, strict=True)
        ]
    return sounds if several else sounds[0]


def _sound(
    model: Autoencoder,
    codes: Mapping[str, Tensor],
    speaker: str | None,
    engine: Engine,
    sampling: Sampling,
    seed: int,
) -> np.ndarray:
    """Returns the waveform (T,) int16 of one utterance."""
    row = model.unknown_speaker if speaker is None else model.speaker_row(speaker)
    conditioning = CodeConditioning(model, [codes])
    seeds, rows = [stream_seed(seed, "")], torch.tensor([row])
    chunks = synthesize(model, engine, conditioning, rows, seeds, sampling)
    return np.concatenate([chunk for (chunk,) in chunks])
