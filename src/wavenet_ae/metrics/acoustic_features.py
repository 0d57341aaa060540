"""What codes must beat: acoustic features of the same instants, known without any training."""

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
NUM_MELS = {MFCC: 26, LogMel: 40}  # of ours: as many as have no empty band at 8 kHz


def fitted_features(kind: type[Kind], model: CodeModel, waveforms: Iterable[Tensor]) -> Kind:
    """The features of this kind that the model hears; if it hears something else, ours.

    Ours are standardized on `waveforms`, each (B, T) int16 at the model's rate.
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
    """(N, C) the frames of an utterance (T,) int16 nearest to the anchors (N,), in the phase of
    the model's own frames."""
    grid = features.chain.grid()
    hop = int(grid.spacing)
    margin = -(-features.chain.receptive_field // hop) * hop
    before = margin - CodeLayout(model).start
    beyond = max(0, math.ceil(anchors[-1]) - len(waveform))  # a single code, of a short recording
    padded = F.pad(model.normalize(waveform), (before, margin + beyond))
    frames = features(padded[None])[0].t().numpy()  # (F, C)
    return frames[[grid.nearest(int(anchor + before)) for anchor in anchors]]
