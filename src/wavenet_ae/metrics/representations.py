"""Vectors of an utterance that a probe may read, all of them at the instants of the codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.audio.features import MFCC, Features, LogMel
from wavenet_ae.bottlenecks import Identity
from wavenet_ae.metrics.acoustic_features import fitted_features, frames_at
from wavenet_ae.metrics.encoding import EncodedUtterance, encode_with_anchors
from wavenet_ae.metrics.random_model import random_model
from wavenet_ae.models import CodeModel

# Utterance (T,) int16, anchors (N,) -> (N, C)
Baseline = Callable[[Tensor, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class RepresentedUtterance:
    """encoded  the utterance in codes
    values   by name: (N, C) float32; of discrete codes (N, Q) int64, the places of the ones in a
             one-hot vector, which is never written out: Q codebooks of K codes have Q * K places
    """

    encoded: EncodedUtterance
    values: dict[str, np.ndarray]


class Representations:
    """From an utterance (T,) int16 at the model's rate to all that there is to probe, in one pass:

    latents         before the bottleneck
    vectors         after it, what the decoder gets; not where the bottleneck is none
    codes           where the model has any
    mfcc, log_mel   the frame nearest to each code
    random_encoder  latents of the model before training; not where the encoder has no weights

    `config` is what `build` made the model from, `windows` (B, T) int16 are of the training split.
    """

    def __init__(
        self,
        model: CodeModel,
        config: Mapping[str, Any],
        windows: Tensor,
        seed: int = 0,
    ) -> None:
        self.model = model
        self.baselines = {
            "mfcc": _frames_of(fitted_features(MFCC, model, [windows]), model),
            "log_mel": _frames_of(fitted_features(LogMel, model, [windows]), model),
        }
        if any(True for _ in model.encoder.parameters()):
            fresh = random_model(config, model, windows, seed)
            self.baselines["random_encoder"] = _latents_of(fresh)
        shortest = self(torch.zeros(1, dtype=torch.int16))
        self.names = tuple(shortest.values)

    def __call__(self, waveform: Tensor) -> RepresentedUtterance:
        encoded = encode_with_anchors(self.model, waveform)
        values = {"latents": encoded.latents}
        if not isinstance(self.model.bottleneck, Identity):
            values["vectors"] = encoded.vectors
        if encoded.codes is not None:
            values["codes"] = self._places(encoded.codes)
        for name, baseline in self.baselines.items():
            values[name] = baseline(waveform, encoded.anchors)
        return RepresentedUtterance(encoded, values)

    def _places(self, codes: np.ndarray) -> np.ndarray:
        """Codes (N,) or (N, Q) -> (N, Q), the codes of codebook q counted from q * K."""
        bottleneck = self.model.bottleneck
        assert bottleneck.codebook_size is not None
        offsets = bottleneck.codebook_size * np.arange(bottleneck.num_codebooks)  # (Q,)
        return codes.reshape(len(codes), -1) + offsets


def _frames_of(features: Features, model: CodeModel) -> Baseline:
    return lambda waveform, anchors: frames_at(features, model, waveform, anchors)


def _latents_of(model: CodeModel) -> Baseline:
    return lambda waveform, _: encode_with_anchors(model, waveform).latents
