"""Waveforms, codes and speakers as callers give them, checked against the model that uses them.

Codes are an array, a tensor on any device, or nested lists, of whole numbers, as a model's `encode`
returns them or a `.npy` file holds them; of a model with several streams, a mapping with the codes
of each stream by its name. One list around them, or around waveforms, is a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.audio.io import to_int16
from wavenet_ae.audio.resampling import resample
from wavenet_ae.audio.waveforms import (
    FULL_SCALE,
    SOURCE_RATES_HZ,
    Waveform,
    checked_rate,
    checked_waveform,
    to_array,
)
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.errors import ArgumentError
from wavenet_ae.file_names import printable
from wavenet_ae.models.code_streams import CodeStream
from wavenet_ae.models.roles import CodeModel, SpeechModel
from wavenet_ae.stream_names import ONLY_STREAM

UNKNOWN_SPEAKER = "unknown"  # a name by which to ask for the unknown speaker
NUM_SHOWN = 12


def is_batch(given: Any, num_dimensions: int) -> bool:
    """Returns whether an argument is a list or a tuple around what has so many dimensions."""
    is_list, depth = isinstance(given, list | tuple), 0
    while isinstance(given, list | tuple) and depth <= num_dimensions:  # a list may hold itself
        given, depth = given[0] if given else None, depth + 1
    return is_list and depth + int(getattr(given, "ndim", 0)) > num_dimensions


def checked_samples(
    model: SpeechModel, waveform: Waveform, rate: int, name: str = "waveform"
) -> Tensor:
    """Returns a recording as int16 samples (T,) at the model's rate, on the CPU.

    Args:
        model: Model that is to read it.
        waveform: Samples (T,) as `wavenet_ae.audio.waveforms` takes them.
        rate: Their sample rate in Hz.
        name: Name of the waveform, for errors.

    Raises:
        ArgumentError: The samples or their rate cannot be used.
    """
    lowest, highest = SOURCE_RATES_HZ
    own = model.sample_rate
    rate = checked_rate(rate, allowed=(min(lowest, own), max(highest, own)))
    samples = checked_waveform(waveform, name)
    if samples.dtype == np.int16:
        samples = samples.astype(np.float32) / FULL_SCALE
    return torch.from_numpy(to_int16(resample(samples, rate, own))[0])


def as_returned(codes: Mapping[str, Tensor]) -> Tensor | dict[str, Tensor]:
    """Returns the codes of an utterance as a caller gets them: those of an only stream alone."""
    return codes[ONLY_STREAM] if ONLY_STREAM in codes else dict(codes)


def code_dimensions(model: CodeModel) -> int:
    """Returns the dimensions of the codes of an utterance: (N,), (H, N), or vectors (D, N); 0 where
    they are a mapping."""
    if len(model.code_streams) > 1:
        return 0
    (stream,) = model.code_streams
    return 1 if stream.bottleneck.is_quantizing and stream.bottleneck.num_codebooks == 1 else 2


def checked_codes(model: CodeModel, codes: Any, name: str = "codes") -> dict[str, Tensor]:
    """Returns the codes of an utterance, of each stream by its name.

    Args:
        model: Model that is to decode them.
        codes: The codes, as above.
        name: What they are called in errors: an argument, or a file.

    Returns:
        Codes on the CPU, int64, or vectors in float32 or float64.

    Raises:
        ArgumentError: They cannot be those of the model.
    """
    streams = model.code_streams
    if len(streams) == 1:
        return {ONLY_STREAM: checked_stream(streams[0], codes, name)}
    wanted = [stream.name for stream in streams]
    if not isinstance(codes, Mapping) or sorted(codes, key=str) != sorted(wanted):
        found = f"the keys {list(codes)}" if isinstance(codes, Mapping) else type(codes).__name__
        raise ArgumentError(
            f"{name} is {found}, but this model has the streams {', '.join(wanted)}: give a "
            "mapping with the codes of each by its name"
        )
    checked = {
        each: checked_stream(s, codes[each], f"{name}[{each!r}]")
        for each, s in zip(wanted, streams, strict=True)
    }
    require_same_hops(model, {each: codes.shape[-1] for each, codes in checked.items()}, name)
    return checked


def require_same_hops(model: CodeModel, num_codes: Mapping[str, int], name: str) -> None:
    """Raises ArgumentError where the streams of an utterance are not of one length.

    Args:
        model: Model that is to decode them.
        num_codes: Codes of each stream by its name.
        name: What the utterance is called in errors.
    """
    coarsest, *others = model.code_streams
    num_hops = num_codes[coarsest.name] // coarsest.codes_per_hop
    for stream in others:
        if num_codes[stream.name] != num_hops * stream.codes_per_hop:
            raise ArgumentError(
                f"{name} has {num_codes[coarsest.name]} codes of the stream {coarsest.name}, and "
                f"{num_codes[stream.name]} of {stream.name}, but each hop has "
                f"{coarsest.codes_per_hop} and {stream.codes_per_hop}: {stream.name} must have "
                f"{num_hops * stream.codes_per_hop}"
            )


def checked_stream(stream: CodeStream, codes: Any, name: str) -> Tensor:
    """Returns the codes of one stream of an utterance, see `checked_codes`."""
    if stream.bottleneck.is_quantizing:
        array = to_array(codes, name, "a model decodes whole numbers")
        _check_codes(stream.bottleneck, array, name)
        return torch.from_numpy(array.astype(np.int64))
    array = to_array(codes, name, "a model without codes decodes vectors")
    _check_vectors(stream.bottleneck, array, name)
    return torch.from_numpy(array.astype(np.float64 if array.dtype == np.float64 else np.float32))


def _check_codes(bottleneck: Bottleneck, codes: np.ndarray, name: str) -> None:
    size, books = bottleneck.codebook_size, bottleneck.num_codebooks
    assert size is not None
    if codes.dtype.kind not in "iu" and codes.size:
        raise ArgumentError(
            f"{name} holds {codes.dtype} {codes.shape}, but this model decodes codes, whole "
            f"numbers from 0 to {size - 1}: encode with this checkpoint"
        )
    found = 1 if codes.ndim == 1 else len(codes) if codes.ndim == 2 else None
    if found != books or (books == 1) != (codes.ndim == 1):
        wanted = "(codes,)" if books == 1 else f"({books}, codes)"
        raise ArgumentError(
            f"{name} has the shape {codes.shape}, but this model has {books} "
            f"codebook{'s' * (books > 1)}: their shape must be {wanted}"
        )
    _require_some(codes, name)
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= size:
        bad = low if low < 0 else high
        raise ArgumentError(f"{name} has the code {bad}, but this model's are 0 to {size - 1}")


def _check_vectors(bottleneck: Bottleneck, vectors: np.ndarray, name: str) -> None:
    dim = bottleneck.dim
    if vectors.dtype.kind != "f" or vectors.ndim != 2 or len(vectors) != dim:
        raise ArgumentError(
            f"{name} holds {vectors.dtype} {vectors.shape}, but this model has no codes: it "
            f"decodes vectors, float32 of the shape ({dim}, vectors)"
        )
    _require_some(vectors, name)
    if not np.isfinite(vectors).all():
        raise ArgumentError(f"{name} has vectors that are NaN or infinite")


def _require_some(codes: np.ndarray, name: str) -> None:
    if not codes.shape[-1]:
        raise ArgumentError(f"{name} is empty: it must hold at least one code")


def checked_speaker(model: SpeechModel, speaker: Any, name: str = "speaker") -> str | None:
    """Returns the name of a speaker that a model knows; None for the unknown speaker.

    Args:
        model: Model that is to generate.
        speaker: The speaker's name. None, and "unknown" where no speaker is called so, are the
            unknown speaker.
        name: Name of the argument, for errors.

    Raises:
        ArgumentError: The model does not know the speaker, or has been trained without speakers.
    """
    if speaker is None:
        return None
    if not isinstance(speaker, str):
        raise ArgumentError(
            f"{name} is {speaker!r}, but must be the name of a speaker, or None for the unknown one"
        )
    if not model.speaker_conditioning:
        raise ArgumentError(
            f"{name} is {speaker!r}, but this model was trained without speakers "
            "(model.speaker_conditioning=false): remove speaker"
        )
    if speaker in model.speakers:
        return speaker
    if speaker == UNKNOWN_SPEAKER:
        return None
    likeness = {known: SequenceMatcher(None, speaker, known).ratio() for known in model.speakers}
    nearest = sorted(likeness, key=lambda known: (-likeness[known], known))
    more = f" and {len(nearest) - NUM_SHOWN} more" if len(nearest) > NUM_SHOWN else ""
    raise ArgumentError(
        f"{name} is {speaker!r}, which the model does not know.  It knows "
        f"{', '.join(map(printable, nearest[:NUM_SHOWN]))}{more}"
    )


def checked_speakers(model: SpeechModel, speaker: Any, num_utterances: int) -> list[str | None]:
    """Returns a speaker for each utterance of a batch, see `checked_speaker`.

    Args:
        model: Model that is to generate.
        speaker: One for all utterances, or a list of one for each.
        num_utterances: How many utterances.

    Raises:
        ArgumentError: There are more or fewer speakers than utterances, or one cannot be used.
    """
    if not isinstance(speaker, list | tuple):
        return [checked_speaker(model, speaker)] * num_utterances
    if len(speaker) != num_utterances:
        raise ArgumentError(
            f"speaker has {len(speaker)} names, but there are {num_utterances} utterances: give "
            "one name, or one for each"
        )
    return [checked_speaker(model, each, f"speaker[{i}]") for i, each in enumerate(speaker)]
