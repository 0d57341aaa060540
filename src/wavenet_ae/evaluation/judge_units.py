"""Do the units of a model say which phone is spoken?  Beside what k-means on MFCC says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.audio.features import MFCC
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.baselines import kmeans_codes
from wavenet_ae.evaluation.encoding import encode_with_anchors
from wavenet_ae.evaluation.labels import LABEL_RATE, label_at, phone_inventory, read_segments
from wavenet_ae.evaluation.units import UnitQuality, unit_quality
from wavenet_ae.models import WaveformAutoencoder
from wavenet_ae.models.utterance import Layout

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
    inventory = phone_inventory(segments)
    waveforms = [torch.from_numpy(corpus.read(row, 0, int(corpus.length[row]))) for row in rows]
    mfcc = _fitted_mfcc(model, waveforms)
    codes, vectors, frames, labels = [], [], [], []
    for waveform, labelled in zip(waveforms, segments, strict=True):
        encoded = encode_with_anchors(model, waveform)
        codes.append(encoded.codes)
        vectors.append(encoded.vectors)
        frames.append(_frames_at(mfcc, model, waveform, encoded.anchors))
        at = encoded.anchors * LABEL_RATE / model.sample_rate
        labels.append(label_at(labelled, at, inventory))
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


def _fitted_mfcc(model: WaveformAutoencoder, waveforms: Sequence[Tensor]) -> MFCC:
    """The MFCC that the model hears; if it hears something else, ours."""
    if isinstance(model.encoder.features, MFCC):
        return model.encoder.features
    mfcc = MFCC(model.sample_rate, num_mels=26)
    mfcc.fit(model.normalise(waveform)[None] for waveform in waveforms)
    return mfcc


@torch.no_grad()
def _frames_at(
    mfcc: MFCC, model: WaveformAutoencoder, waveform: Tensor, anchors: np.ndarray
) -> np.ndarray:
    """(N, C) the frames nearest to the anchors, in the phase of the model's own frames."""
    hop = int(mfcc.chain.grid().spacing)
    margin = -(-mfcc.chain.receptive_field // hop) * hop
    before = margin - Layout(model).start
    padded = F.pad(model.normalise(waveform), (before, margin))
    frames = mfcc(padded[None])[0].t().numpy()  # (F, C)
    grid = mfcc.chain.grid()
    return frames[[grid.nearest(int(anchor + before)) for anchor in anchors]]
