"""Encoding of whole utterances, with the instant of every code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.models import CodeModel
from wavenet_ae.models.utterance import CodeLayout, encode_in_chunks


@dataclass(frozen=True)
class EncodedUtterance:
    """Utterance in codes.

    Attributes:
        anchors: `(N,)` sample of each code, inside the utterance. A recording too short for that
            has one code, less than a hop away.
        latents: `(N, C)` output of the encoder.
        vectors: `(N, D)` output of the bottleneck.
        codes: int64 `(N,)`, or `(N, H)` with H > 1 codebooks; None if the bottleneck is continuous.
    """

    anchors: np.ndarray
    latents: np.ndarray
    vectors: np.ndarray
    codes: np.ndarray | None


@torch.no_grad()
def encode_with_anchors(model: CodeModel, waveform: Tensor) -> EncodedUtterance:
    """Encodes an utterance; there is at least one code, however short it is.

    Args:
        model: The model, in evaluation mode.
        waveform: `(T,)` int16 at the model's rate.

    Raises:
        ValueError: If the utterance has no samples.
    """
    latents, outputs = zip(*encode_in_chunks(model, [waveform]), strict=True)
    anchors = anchors_inside(CodeLayout(model), len(waveform))
    if outputs[0].codes is None:
        codes, vectors = None, torch.cat([each.vectors for each in outputs], dim=-1)
    else:
        codes = torch.cat([each.codes for each in outputs], dim=-1)  # (1, N) or (1, H, N)
        # Decoded again: the outputs' vectors have a rounding error from the straight-through sum.
        vectors = model.bottleneck.decode(codes)

    def rows(values: Tensor) -> np.ndarray:
        return values[0].t().numpy()[: len(anchors)]

    return EncodedUtterance(
        anchors=anchors,
        latents=rows(torch.cat(latents, dim=-1)),
        vectors=rows(vectors),
        codes=None if codes is None else rows(codes),
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
