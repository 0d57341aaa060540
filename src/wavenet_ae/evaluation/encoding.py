"""Whole utterances through an encoder, every code at a known instant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.models import WaveformAutoencoder


@dataclass(frozen=True)
class EncodedUtterance:
    """One utterance in codes.

    anchors  (N,) the sample at which each code stands, inside the utterance; a recording so short
             that no code stands inside it has one, the nearest, at most half a hop away
    vectors  (N, D) what the bottleneck gives the decoder
    codes    int64: (N,), or (N, Q) with Q > 1 codebooks; None where the bottleneck is continuous
    """

    anchors: np.ndarray
    vectors: np.ndarray
    codes: np.ndarray | None


def pad_utterance(waveform: Tensor, model: WaveformAutoencoder) -> tuple[Tensor, WindowPlan]:
    """Silence around an utterance (T,) so that each of its samples is predicted: (1, slice).

    Phase 0: code `c` of a whole utterance always stands at the same instant.
    """
    hop = int(model.alignment.code_hop)
    plan = model.alignment.window(-(-len(waveform) // hop) * hop)
    left = plan.margins[0]
    padding = (left, plan.slice_length - left - len(waveform))
    return F.pad(waveform, padding)[None], plan


@torch.no_grad()
def encode_utterance(model: WaveformAutoencoder, waveform: Tensor) -> EncodedUtterance:
    """Codes and vectors of an utterance (T,) int16 at the model's rate, silence cut off.

    At least one code, however short the utterance; one without samples is a ValueError.
    """
    padded, plan = pad_utterance(waveform, model)
    output = model.bottleneck(model.latents(padded, plan))
    start = plan.encoder_input.start - plan.margins[0]
    grid = model.alignment.code_grid
    anchors = np.array([float(start + grid.anchor(code)) for code in range(plan.num_codes)])
    inside = (anchors >= 0) & (anchors < len(waveform))
    if not inside.any():
        inside[np.abs(anchors - (len(waveform) - 1) / 2).argmin()] = True
    vectors = output.vectors[0].t().numpy()[inside]
    codes = None if output.codes is None else output.codes[0].t().numpy()[inside]
    return EncodedUtterance(anchors[inside], vectors, codes)
