"""What the features of recordings in memory are centered on."""

from __future__ import annotations

import torch
from torch import Tensor

from wavenet_ae.audio.feature_means import recording_mean
from wavenet_ae.models import CodeModel, SpeechModel


def own_means(model: SpeechModel, waveform: Tensor) -> Tensor | None:
    """Means (B, C) of whole recordings (B, T) int16; None for a model that takes none."""
    if not isinstance(model, CodeModel) or not model.encoder.features.needs_mean:
        return None
    return torch.stack([recording_mean(model.encoder.features, [each]) for each in waveform])
