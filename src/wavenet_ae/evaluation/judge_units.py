"""Do the units of a model say which phone is spoken?  Beside what k-means on MFCC says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from wavenet_ae.audio.features import MFCC
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.acoustics import fitted_features, frames_at
from wavenet_ae.evaluation.baselines import kmeans_codes
from wavenet_ae.evaluation.encoding import encode_with_anchors
from wavenet_ae.evaluation.labels import label_at, label_inventory, read_segments
from wavenet_ae.evaluation.units import UnitQuality, unit_quality
from wavenet_ae.models import WaveformAutoencoder

CONTINUOUS_UNITS = 64  # clusters of the vectors where a bottleneck has no codes of its own
MOST_CLUSTERS = 1024  # of the baseline: more would take long and have few frames each


@dataclass(frozen=True)
class JudgedUnits:
    """The model's units and those of k-means on its MFCC, on the same frames.

    kind    what the units are: codes, codes of the first of several codebooks (the coarsest), or
            clusters of a continuous bottleneck's vectors
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
    inventory = label_inventory(segments)
    waveforms = [torch.from_numpy(corpus.read(row, 0, int(corpus.length[row]))) for row in rows]
    mfcc = fitted_features(MFCC, model, (waveform[None] for waveform in waveforms))
    codes, vectors, frames, labels = [], [], [], []
    for waveform, labelled in zip(waveforms, segments, strict=True):
        encoded = encode_with_anchors(model, waveform)
        codes.append(encoded.codes)
        vectors.append(encoded.vectors)
        frames.append(frames_at(mfcc, model, waveform, encoded.anchors))
        labels.append(label_at(labelled, encoded.anchors / model.sample_rate, inventory))
    phones = np.concatenate(labels)
    size = model.bottleneck.codebook_size or CONTINUOUS_UNITS
    if any(each is None for each in codes):
        kind, units = "k-means on vectors", kmeans_codes(np.concatenate(vectors), size)
    else:
        kind, units = _first_codes(np.concatenate([each for each in codes if each is not None]))
    num_clusters = min(size, MOST_CLUSTERS)
    baseline = kmeans_codes(np.concatenate(frames), num_clusters)
    return JudgedUnits(
        kind=kind,
        units=unit_quality(units, phones, size, len(inventory)),
        baseline=unit_quality(baseline, phones, num_clusters, len(inventory)),
        counts=np.bincount(units, minlength=size),
    )


def _first_codes(codes: np.ndarray) -> tuple[str, np.ndarray]:
    """What to call, and to take from, codes (N,) or (N, Q): units (N,)."""
    if codes.ndim == 1:
        return "codes", codes
    return f"codes of the first of {codes.shape[1]} codebooks", codes[:, 0]
