"""Acoustic features at the instants of the codes, a baseline that needs no training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.audio.features import MFCC, Features, LogMel
from wavenet_ae.models import CodeModel
from wavenet_ae.models.utterance import CodeLayout

Kind = TypeVar("Kind", MFCC, LogMel)
NUM_MELS = {MFCC: 26, LogMel: 40}  # the most that leave no band empty at 8 kHz


def fitted_features(kind: type[Kind], model: CodeModel, waveforms: Iterable[Tensor]) -> Kind:
    """Returns features of a kind: the model's own input, or else newly fitted ones.

    Args:
        kind: MFCC or LogMel.
        model: The model; its features are returned if they are of this kind.
        waveforms: `(B, T)` int16 at the model's rate, on which new features are standardized.
    """
    if isinstance(model.encoder.features, kind):
        return model.encoder.features
    features = kind(model.sample_rate, num_mels=NUM_MELS[kind])
    features.fit(model.normalize(waveform) for waveform in waveforms)
    return features


@torch.no_grad()
def frames_at(
    features: Features, model: CodeModel, waveform: Tensor, anchors: np.ndarray
) -> np.ndarray:
    """Returns the frames nearest to some instants, in the phase of the model's own frames.

    Args:
        features: Features of the model's rate.
        model: The model, which normalizes the waveform.
        waveform: `(T,)` int16, an utterance at the model's rate.
        anchors: `(N,)` instants in samples.

    Returns:
        `(N, C)`.
    """
    grid = features.chain.grid()
    hop = int(grid.spacing)
    margin = -(-features.chain.receptive_field // hop) * hop
    before = margin - CodeLayout(model).start
    beyond = max(0, math.ceil(anchors[-1]) - len(waveform))  # the single code of a short recording
    padded = F.pad(model.normalize(waveform), (before, margin + beyond))
    frames = features(padded[None])[0].t().numpy()  # (F, C)
    return frames[[grid.nearest(int(anchor + before)) for anchor in anchors]]
