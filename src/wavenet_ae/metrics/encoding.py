"""Whole utterances through an encoder, every code at a known instant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.models import CodeModel
from wavenet_ae.models.utterance import CodeLayout, encode_in_chunks


@dataclass(frozen=True)
class EncodedUtterance:
    """One utterance in codes.

    anchors  (N,) the sample at which each code stands, inside the utterance; a recording so short
             that no code stands inside it has one, less than a hop away
    latents  (N, C) what the encoder gives the bottleneck
    vectors  (N, D) what the bottleneck gives the decoder
    codes    int64: (N,), or (N, Q) with Q > 1 codebooks; None where the bottleneck is continuous
    """

    anchors: np.ndarray
    latents: np.ndarray
    vectors: np.ndarray
    codes: np.ndarray | None


@torch.no_grad()
def encode_with_anchors(model: CodeModel, waveform: Tensor) -> EncodedUtterance:
    """Codes, and vectors before and after the bottleneck, of (T,) int16 at the model's rate.

    At least one code, however short the utterance; one without samples is a ValueError.
    """
    latents, outputs = zip(*encode_in_chunks(model, waveform), strict=True)
    anchors = anchors_inside(CodeLayout(model), len(waveform))
    if outputs[0].codes is None:
        codes, vectors = None, torch.cat([each.vectors for each in outputs], dim=-1)
    else:
        codes = torch.cat([each.codes for each in outputs], dim=-1)  # (1, N) or (1, Q, N)
        # Not those of the pass: straight-through, they keep a rounding error of the latents.
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
    """(N,) anchors of the codes of an utterance, less one that the last hop, cut short, lacks."""
    anchors = np.array([float(each) for each in layout.anchors(layout.num_codes(num_samples))])
    return anchors[: max(1, int((anchors < num_samples).sum()))]
