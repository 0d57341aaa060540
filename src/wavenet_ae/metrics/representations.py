"""Representations of whole utterances, all at the instants of the codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.audio.features import MFCC, Features, LogMel
from wavenet_ae.bottlenecks import Identity
from wavenet_ae.metrics.baselines import fitted_features, frames_at, random_model
from wavenet_ae.models import CodeModel
from wavenet_ae.models.utterance import CodeLayout, encode_in_chunks
from wavenet_ae.stream_names import ONLY_STREAM, of_stream

# Utterance (T,) int16, anchors (N,) -> (N, C)
Baseline = Callable[[Tensor, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class EncodedUtterance:
    """Utterance in codes.

    Attributes:
        anchors: `(N,)` sample of each code, inside the utterance. A recording too short for that
            has one code, less than a hop away.
        latents: `(N, C)` what the bottleneck read.
        vectors: `(N, D)` output of the bottleneck.
        codes: int64 `(N,)`, or `(N, H)` with H > 1 codebooks; None if the bottleneck is continuous.
        quantized: `(N, D)` what the codes were made of; None if the bottleneck is continuous.
    """

    anchors: np.ndarray
    latents: np.ndarray
    vectors: np.ndarray
    codes: np.ndarray | None
    quantized: np.ndarray | None = None


@torch.no_grad()
def encode_with_anchors(
    model: CodeModel, waveform: Tensor, stream: str = ONLY_STREAM
) -> EncodedUtterance:
    """Encodes an utterance; there is at least one code, however short it is.

    Args:
        model: The model, in evaluation mode.
        waveform: `(T,)` int16 at the model's rate.
        stream: Name of the stream of codes.

    Raises:
        ValueError: If the utterance has no samples.
    """
    pieces = [chunk[stream] for chunk in encode_in_chunks(model, [waveform])]
    latents, outputs = [each.latents for each in pieces], [each.output for each in pieces]
    anchors = anchors_inside(CodeLayout(model, stream), len(waveform))
    if outputs[0].codes is None:
        codes, quantized = None, None
        vectors = torch.cat([each.vectors for each in outputs], dim=-1)
    else:
        codes = torch.cat([each.codes for each in pieces], dim=-1)  # (1, N) or (1, H, N)
        # Decoded again: the outputs' vectors have a rounding error from the straight-through sum.
        vectors = model.stream(stream).bottleneck.decode(codes)
        read = [each.latents for each in outputs if each.latents is not None]
        quantized = torch.cat(read, dim=-1)

    def rows(values: Tensor) -> np.ndarray:
        return values[0].t().numpy()[: len(anchors)]

    return EncodedUtterance(
        anchors=anchors,
        latents=rows(torch.cat(latents, dim=-1)),
        vectors=rows(vectors),
        codes=None if codes is None else rows(codes),
        quantized=None if quantized is None else rows(quantized),
    )


def anchors_inside(layout: CodeLayout, num_samples: int) -> np.ndarray:
    """Returns the anchors `(N,)` of an utterance's codes, in samples.

    A last hop that is cut short may lack its code.

    Args:
        layout: Layout of the model's codes.
        num_samples: Length of the utterance.
    """
    anchors = np.array([float(each) for each in layout.anchors(layout.num_codes(num_samples))])
    return anchors[: max(1, int((anchors < num_samples).sum()))]


@dataclass(frozen=True)
class RepresentedUtterance:
    """Utterance in all representations.

    Attributes:
        encoded: The utterance in codes.
        values: By name, `(N, C)` float32. For codes, `(N, H)` int64: indices of the ones in a
            one-hot vector that is never written out; H codebooks of K codes have H * K places.
    """

    encoded: EncodedUtterance
    values: dict[str, np.ndarray]


class Representations:
    """Compute all representations of an utterance at the instants of a stream's codes.

        latents         what the bottleneck reads: output of the encoder, or a context
        vectors         output of the bottleneck, unless it is the identity
        codes           if the model has any
        mfcc, log_mel   the frame nearest to each code
        random_encoder  latents of an untrained model, if the encoder has weights

    Args:
        model: The model, in evaluation mode.
        config: Configuration that the model was built from.
        windows: `(B, T)` int16 of the training split, for baselines.
        seed: Key of the untrained model.
        stream: Name of the stream of codes; where there are several, the names of representations
            have it, see stream_names.py.

    Attributes:
        names: Names of the representations.
    """

    def __init__(
        self,
        model: CodeModel,
        config: Mapping[str, Any],
        windows: Tensor,
        seed: int = 0,
        stream: str = ONLY_STREAM,
    ) -> None:
        self.model, self.stream = model, stream
        self.bottleneck = model.stream(stream).bottleneck
        self.baselines = {
            "mfcc": _frames_of(fitted_features(MFCC, model, [windows]), model),
            "log_mel": _frames_of(fitted_features(LogMel, model, [windows]), model),
        }
        if any(True for _ in model.encoder.parameters()):
            fresh = random_model(config, model, windows, seed)
            self.baselines["random_encoder"] = _latents_of(fresh, stream)
        shortest = self(torch.zeros(1, dtype=torch.int16))
        self.names = tuple(shortest.values)

    def __call__(self, waveform: Tensor) -> RepresentedUtterance:
        """Returns the representations of an utterance `(T,)` int16 at the model's rate."""
        encoded = encode_with_anchors(self.model, waveform, self.stream)
        values = {"latents": encoded.latents}
        if not isinstance(self.bottleneck, Identity):
            values["vectors"] = encoded.vectors
        if encoded.codes is not None:
            values["codes"] = self._places(encoded.codes)
        for name, baseline in self.baselines.items():
            values[name] = baseline(waveform, encoded.anchors)
        named = {of_stream(name, self.stream): each for name, each in values.items()}
        return RepresentedUtterance(encoded, named)

    def _places(self, codes: np.ndarray) -> np.ndarray:
        """Returns the one-hot index of each code, `(N, H)`; codebook h starts at h * K."""
        bottleneck = self.bottleneck
        assert bottleneck.codebook_size is not None
        offsets = bottleneck.codebook_size * np.arange(bottleneck.num_codebooks)  # (H,)
        return codes.reshape(len(codes), -1) + offsets  # (N, H)


def _frames_of(features: Features, model: CodeModel) -> Baseline:
    return lambda waveform, anchors: frames_at(features, model, waveform, anchors)


def _latents_of(model: CodeModel, stream: str) -> Baseline:
    return lambda waveform, _: encode_with_anchors(model, waveform, stream).latents
