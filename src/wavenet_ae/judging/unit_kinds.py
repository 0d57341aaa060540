"""Units to be judged: a model's codes, or clusters of its vectors, and clusters of MFCC."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from wavenet_ae.audio.features import MFCC
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.acoustics import fitted_features, frames_at
from wavenet_ae.evaluation.baselines import Clusters
from wavenet_ae.evaluation.encoding import EncodedUtterance, encode_with_anchors
from wavenet_ae.evaluation.random_model import training_windows
from wavenet_ae.models import WaveformAutoencoder
from wavenet_ae.randomness import keyed_permutation

CONTINUOUS_UNITS = 64  # clusters of the vectors where a bottleneck has no codes of its own
MOST_CLUSTERS = 1024  # more would take long and have few frames each
FITTED_UTTERANCES = 400  # of the training split, whose frames clusters are fitted to at most


class Units:
    """Names of units, their numbers, and the units (N,) of an utterance."""

    def __init__(self, model: WaveformAutoencoder, corpus: PackedCorpus, seed: int) -> None:
        self.model, bottleneck = model, model.bottleneck
        windows = training_windows(model, corpus, seed)
        self.mfcc = fitted_features(MFCC, model, [windows])
        size = bottleneck.codebook_size or CONTINUOUS_UNITS
        num_clusters = min(size, MOST_CLUSTERS)
        frames, vectors = self._training_frames(corpus, seed)
        self.of_mfcc = Clusters(frames, num_clusters, seed)
        self.sizes = {"k-means on MFCC": num_clusters}
        self.of_vectors = None
        if vectors is not None:
            self.of_vectors = Clusters(vectors, CONTINUOUS_UNITS, seed)
            self.sizes = {"k-means on vectors": CONTINUOUS_UNITS, **self.sizes}
        else:
            names = [f"codes of codebook {n + 1}" for n in range(bottleneck.num_codebooks)]
            names = ["codes"] if len(names) == 1 else names
            self.sizes = {**dict.fromkeys(names, size), **self.sizes}

    def _training_frames(
        self, corpus: PackedCorpus, seed: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """MFCC frames (M, C) and, of a continuous bottleneck, vectors (M, D)."""
        rows = corpus.rows("train") if len(corpus.rows("train")) else np.arange(len(corpus))
        chosen = rows[keyed_permutation(len(rows), seed, "clusters")[:FITTED_UTTERANCES]]
        frames, vectors = [], []
        for row in chosen.tolist():
            encoded, of_mfcc = self.encode(corpus, row)
            frames.append(of_mfcc)
            vectors += [encoded.vectors] if encoded.codes is None else []
        return np.concatenate(frames), np.concatenate(vectors) if vectors else None

    def encode(self, corpus: PackedCorpus, row: int) -> tuple[EncodedUtterance, np.ndarray]:
        waveform = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))
        encoded = encode_with_anchors(self.model, waveform)
        return encoded, frames_at(self.mfcc, self.model, waveform, encoded.anchors)

    def of(self, corpus: PackedCorpus, row: int) -> tuple[np.ndarray, Mapping[str, np.ndarray]]:
        """Anchors (N,) and units (N,) by name."""
        encoded, frames = self.encode(corpus, row)
        if encoded.codes is None:
            assert self.of_vectors is not None
            own = [self.of_vectors.codes(encoded.vectors)]
        else:
            own = list(encoded.codes.reshape(len(encoded.codes), -1).T)
        return encoded.anchors, dict(
            zip(self.sizes, [*own, self.of_mfcc.codes(frames)], strict=True)
        )
