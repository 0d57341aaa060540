"""Codes of whole utterances, nearest or along the cheapest path of bottlenecks/smoothing.py.

The cost of a code is its squared distance to the latent, in multiples of the utterance's mean
margin between the nearest and the second nearest code. Of several codebooks, each has a path of its
own, and quantizes what the smoothed codes before it leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.bottlenecks.smoothing import CheapestPath, mean_margin
from wavenet_ae.errors import ArgumentError
from wavenet_ae.models.code_streams import Encoded
from wavenet_ae.models.computing import require_computable
from wavenet_ae.models.inputs import as_returned, checked_samples, is_batch
from wavenet_ae.models.roles import CodeModel
from wavenet_ae.models.utterance import encode_blocks, encode_in_chunks
from wavenet_ae.schema import NonNegativeNumber, accepts

MOST_CODES = 1 << 14  # of a codebook: each frame is compared with each code
DISTANCES_AT_ONCE = 1 << 22


def encode_recordings(model: CodeModel, waveform: Any, rate: int, smoothing: float = 0.0) -> Any:
    """Returns the codes of a recording, one a code hop, or those of each of several.

    They are those of evaluation mode; the mode of the model stays as it is.

    Args:
        model: Model to encode with.
        waveform: Samples (T,), int16, int32, uint8, or floats of full scale 1 (see
            `wavenet_ae.audio.waveforms`), or a list of such recordings.
        rate: Their sample rate in Hz.
        smoothing: Price of a change of code, in mean margins; 0: the nearest codes.

    Returns:
        Codes (N,), or (H, N) of several codebooks, int64; of a continuous bottleneck, vectors
        (D, N). Of a model with several streams, a mapping with those of each stream by its name.
        For a list, a list with what each recording has alone.

    Raises:
        ArgumentError: Samples or rate cannot be used: another type or shape, none, NaN. Or codes
            are to be smoothed that cannot be.
    """
    require_computable(model)
    require_smoothing(model, smoothing)
    several = is_batch(waveform, num_dimensions=1)
    names = [f"waveform[{i}]" for i in range(len(waveform))] if several else ["waveform"]
    given = zip(waveform if several else [waveform], names, strict=True)
    recordings = [checked_samples(model, each, rate, name) for each, name in given]
    found = [
        as_returned(smoothed_blocks(model, [each.to(model.device)], smoothing))
        for each in recordings
    ]
    return found if several else found[0]


@torch.no_grad()
def smoothed_blocks(
    model: CodeModel, blocks: Iterable[Tensor], smoothing: float
) -> dict[str, Tensor]:
    """Returns the smoothed codes of an utterance; each stream is smoothed by itself.

    Args:
        model: Model to encode with.
        blocks: Successive samples (n,) int16 at the model's rate.
        smoothing: Price of a change of code, in mean margins; 0: the nearest codes.

    Returns:
        By the name of the stream, codes (N,), or (H, N) of several codebooks, int64.

    Raises:
        ArgumentError: The codes of this model cannot be smoothed, see `require_smoothing`.
        ValueError: There are no samples.
    """
    require_smoothing(model, smoothing)
    if not smoothing:
        return encode_blocks(model, blocks)
    chunks: dict[str, list[Encoded]] = {}
    for chunk in encode_in_chunks(model, blocks):
        for name, encoded in chunk.items():
            chunks.setdefault(name, []).append(encoded)
    return {
        stream.name: _smoothed_chunks(stream.bottleneck, chunks[stream.name], smoothing)
        for stream in model.code_streams
    }


def _smoothed_chunks(bottleneck: Bottleneck, chunks: Sequence[Encoded], smoothing: float) -> Tensor:
    """Returns the smoothed codes of a stream's chunks, or its codes where none are smoothed."""
    if not bottleneck.is_smoothed:
        return torch.cat([each.codes for each in chunks], dim=-1)[0]
    latents = [each.output.latents for each in chunks if each.output.latents is not None]
    return smoothed_latents(bottleneck, torch.cat(latents, dim=-1), smoothing)


@torch.no_grad()
def smoothed_latents(bottleneck: Bottleneck, latents: Tensor, smoothing: float) -> Tensor:
    """Returns the smoothed codes (N,) or (H, N) of what a bottleneck quantizes, (1, D, N)."""
    assert isinstance(bottleneck, Quantizer)
    codes: list[Tensor] = []  # (1, N) of each codebook
    for _ in range(bottleneck.num_codebooks):
        pieces = list(_pieces(latents.shape[-1], bottleneck.codebook_size))
        margins = [
            len(piece) * mean_margin(_distances(bottleneck, latents, codes, piece).numpy())
            for piece in pieces
        ]
        unit = sum(margins) / latents.shape[-1] or 1.0
        path = CheapestPath(smoothing)
        for piece in pieces:
            path.extend(_distances(bottleneck, latents, codes, piece).numpy() / unit)
        codes.append(torch.from_numpy(path.codes()).to(latents.device)[None])
    return codes[0][0] if len(codes) == 1 else torch.cat(codes)


def require_smoothing(model: CodeModel, smoothing: float, name: str = "smoothing") -> None:
    """Raises ArgumentError where codes cannot be smoothed in this way.

    Args:
        model: Model that makes the codes.
        smoothing: Price of a change of code.
        name: What it is called in errors.
    """
    value = smoothing.item() if isinstance(smoothing, np.number) else smoothing
    if not accepts(value, NonNegativeNumber):
        raise ArgumentError(f"{name} is {smoothing!r}, but must be a number of at least 0")
    if smoothing:
        for stream in model.code_streams:
            if stream.bottleneck.is_smoothed:
                _require_smoothable(stream.bottleneck, smoothing, name)


def _require_smoothable(bottleneck: Bottleneck, smoothing: float, name: str) -> None:
    kind = type(bottleneck).__name__
    if not isinstance(bottleneck, Quantizer) or not bottleneck.is_quantizing:
        raise ArgumentError(
            f"{name} is {smoothing:g}, but the bottleneck {kind} gives vectors, not codes: set "
            f"{name}=0, or use a checkpoint whose bottleneck quantizes"
        )
    if bottleneck.codebook_size > MOST_CODES:
        raise ArgumentError(
            f"{name} is {smoothing:g}, but the bottleneck {kind} has {bottleneck.codebook_size} "
            f"codes, and smoothing compares each frame with each of at most {MOST_CODES}: set "
            f"{name}=0"
        )


def _pieces(num_frames: int, num_codes: int) -> Iterator[range]:
    """Yields frames in pieces whose distances fit into memory."""
    at_once = max(1, DISTANCES_AT_ONCE // num_codes)
    for first in range(0, num_frames, at_once):
        yield range(first, min(first + at_once, num_frames))


def _distances(
    bottleneck: Quantizer, latents: Tensor, earlier: list[Tensor], piece: range
) -> Tensor:
    """Distances (n, K) of some frames to the codes of the codebook after the earlier ones."""
    frames = slice(piece.start, piece.stop)
    own = [codes[:, frames] for codes in earlier]
    return bottleneck.code_distances(latents[..., frames], own)[0].cpu()
