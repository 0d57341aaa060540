"""Do the units of a model say which phone is spoken?  Beside what k-means on MFCC says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.baselines import kmeans_codes
from wavenet_ae.evaluation.encoding import encode_utterance, pad_utterance
from wavenet_ae.evaluation.labels import LABEL_RATE, label_at, phone_inventory, read_segments
from wavenet_ae.evaluation.units import UnitQuality, unit_quality
from wavenet_ae.models import WaveformAutoencoder

CONTINUOUS_UNITS = 64  # clusters of the vectors where a bottleneck has no codes of its own


@dataclass(frozen=True)
class JudgedUnits:
    """The model's units and those of k-means on its MFCC, on the same frames.

    kind    what the units are: codes, or clusters of a continuous bottleneck's vectors
    counts  (K,) how often each unit occurs
    """

    kind: str
    units: UnitQuality
    baseline: UnitQuality
    counts: np.ndarray


def judge_units(model: WaveformAutoencoder, corpus: PackedCorpus) -> JudgedUnits:
    """Judge units on every labelled utterance of a corpus.

    Raises UserError where no utterance has labels.
    """
    rows = [row for row, path in enumerate(corpus.labels) if path]
    if not rows:
        raise UserError("no recording of this corpus has phone labels (.phn files beside them)")
    segments = [read_segments(corpus.labels[row]) for row in rows]
    inventory = phone_inventory(segments)
    codes, vectors, frames, labels = [], [], [], []
    for row, labelled in zip(rows, segments, strict=True):
        waveform = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))
        encoded = encode_utterance(model, waveform)
        codes.append(encoded.codes)
        vectors.append(encoded.vectors)
        frames.append(_frames_at(model, waveform, encoded.anchors))
        at = encoded.anchors * LABEL_RATE / model.sample_rate
        labels.append(label_at(labelled, at, inventory))
    phones = np.concatenate(labels)
    size = model.bottleneck.codebook_size or CONTINUOUS_UNITS
    if any(each is None for each in codes):
        kind, units = "k-means on vectors", kmeans_codes(np.concatenate(vectors), size)
    else:
        kind, units = "codes", np.concatenate([each for each in codes if each is not None])
    baseline = kmeans_codes(np.concatenate(frames), size)
    return JudgedUnits(
        kind=kind,
        units=unit_quality(units, phones, size, len(inventory)),
        baseline=unit_quality(baseline, phones, size, len(inventory)),
        counts=np.bincount(units, minlength=size),
    )


@torch.no_grad()
def _frames_at(model: WaveformAutoencoder, waveform: Tensor, anchors: np.ndarray) -> np.ndarray:
    """(N, C) features of the frames nearest to the anchors."""
    padded, plan = pad_utterance(waveform, model)
    features = model.encoder.features
    frames = features(model.normalise(padded[:, plan.encoder_input]))[0].t().numpy()  # (F, C)
    grid, offset = features.chain.grid(), plan.margins[0] - plan.encoder_input.start
    return frames[[grid.nearest(int(anchor + offset)) for anchor in anchors]]
