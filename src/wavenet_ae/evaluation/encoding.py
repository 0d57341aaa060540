"""Whole utterances through an encoder, every code at a known instant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.models import WaveformAutoencoder
from wavenet_ae.models.utterance import Layout, encode_utterance


@dataclass(frozen=True)
class EncodedUtterance:
    """One utterance in codes.

    anchors  (N,) the sample at which each code stands, inside the utterance; a recording so short
             that no code stands inside it has one, less than a hop away
    vectors  (N, D) what the bottleneck gives the decoder
    codes    int64: (N,), or (N, Q) with Q > 1 codebooks; None where the bottleneck is continuous
    """

    anchors: np.ndarray
    vectors: np.ndarray
    codes: np.ndarray | None


@torch.no_grad()
def encode_with_anchors(model: WaveformAutoencoder, waveform: Tensor) -> EncodedUtterance:
    """Codes and vectors of an utterance (T,) int16 at the model's rate.

    At least one code, however short the utterance; one without samples is a ValueError.
    """
    encoded = encode_utterance(model, waveform)  # (N,), (Q, N) or (D, N)
    is_continuous = encoded.is_floating_point()
    vectors = encoded if is_continuous else model.bottleneck.decode(encoded[None])[0]
    anchors = np.array([float(each) for each in Layout(model).anchors(encoded.shape[-1])])
    num_inside = max(1, int((anchors < len(waveform)).sum()))  # the last hop may be cut short
    inside = slice(num_inside)
    codes = None if is_continuous else encoded.t().numpy()[inside]
    return EncodedUtterance(anchors[inside], vectors.t().numpy()[inside], codes)
