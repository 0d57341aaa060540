"""Means of the features of whole recordings, of which little is in memory at once.

    recording   |  frames 0 .. n-1  |  frames n .. 2n-1  |  the rest  |      n = FRAMES_AT_ONCE

The pieces begin at the same frames however the samples arrive, so that the sum is the same to the
last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.audio.features import Features
from wavenet_ae.audio.waveforms import FULL_SCALE

FRAMES_AT_ONCE = 3000  # half a minute of frames every 10 ms


@torch.no_grad()
def frame_sums(features: Features, blocks: Iterable[Tensor]) -> tuple[Tensor, int]:
    """Adds up the frames of a recording, without those that would reach past its ends.

    A recording that is shorter than a frame has the frame that it would have before silence.

    Args:
        features: What is computed.
        blocks: Successive samples `(n,)` int16 at the features' rate.

    Returns:
        Sum `(dim,)` float64 of the frames that are not standardized, on the CPU, and how many
        frames there are, at least 1.
    """
    total, count = torch.zeros(features.dim, dtype=torch.float64), 0
    for samples in _pieces(features, blocks):
        amplitudes = samples.to(features.mean.device, features.mean.dtype) / FULL_SCALE
        frames = features.frames(amplitudes[None])[0].cpu().double()  # (dim, F)
        total += frames.sum(dim=1)
        count += frames.shape[1]
    return total, count


def recording_mean(features: Features, blocks: Iterable[Tensor]) -> Tensor:
    """Returns the mean frame `(dim,)` float64 of a recording, see `frame_sums`."""
    total, count = frame_sums(features, blocks)
    return total / count


def _pieces(features: Features, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yields the samples of successive pieces of a recording, each of at least one frame."""
    chain = features.chain
    length = chain.input_length(FRAMES_AT_ONCE)
    step = FRAMES_AT_ONCE * int(chain.grid().spacing)
    held, is_first = torch.zeros(0, dtype=torch.int16), True
    for block in blocks:
        held = torch.cat([held.to(block.device), block])
        while len(held) >= length:
            yield held[:length]
            held, is_first = held[step:], False
    if is_first:
        held = F.pad(held, (0, max(0, chain.receptive_field - len(held))))
    if chain.output_length(len(held)):
        yield held
