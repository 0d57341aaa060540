"""Units to be judged: a model's codes, or clusters of its vectors, and clusters of MFCC."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from wavenet_ae.audio.features import MFCC
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.metrics.acoustic_features import fitted_features, frames_at
from wavenet_ae.metrics.baselines import Clusters
from wavenet_ae.metrics.encoding import EncodedUtterance, encode_with_anchors
from wavenet_ae.metrics.random_model import training_windows
from wavenet_ae.models import Autoencoder
from wavenet_ae.randomness import keyed_permutation

CONTINUOUS_UNITS = 64  # clusters of the vectors where a bottleneck has no codes of its own
MOST_CLUSTERS = 1024  # more would take long and have few frames each
MOST_JOINT_UNITS = 1 << 16  # of several codebooks: each is a row of every table of counts
FITTED_UTTERANCES = 400  # of the training split, whose frames clusters are fitted to at most


class Units:
    """Names of units, their numbers, and the units (N,) of an utterance.

    sizes    how many units of each kind there are: the model's own first, k-means on MFCC last
    remarks  sentences on what is not there, for people
    """

    def __init__(self, model: Autoencoder, corpus: PackedCorpus, seed: int) -> None:
        self.model, bottleneck = model, model.bottleneck
        windows = training_windows(model, corpus, seed)
        self.mfcc = fitted_features(MFCC, model, [windows])
        frames, vectors = self._training_frames(corpus, seed)
        self.of_vectors = None
        self.remarks = []
        if vectors is not None:
            self.of_vectors = Clusters(vectors, CONTINUOUS_UNITS, seed)
            num_clusters, own = CONTINUOUS_UNITS, {"k-means on vectors": CONTINUOUS_UNITS}
            self.remarks += not_yet_quantizing(bottleneck)
        else:
            assert bottleneck.codebook_size is not None
            num_joint = bottleneck.codebook_size**bottleneck.num_codebooks
            num_clusters, own = min(num_joint, MOST_CLUSTERS), _kinds_of_codes(bottleneck)
            self.remarks += [_without_joint_units(bottleneck)] * (num_joint > MOST_JOINT_UNITS)
        self.of_mfcc = Clusters(frames, num_clusters, seed)
        self.sizes = {**own, "k-means on MFCC": num_clusters}

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
            own = _units_of_codes(encoded.codes, self.model.bottleneck)
        return encoded.anchors, dict(
            zip(self.sizes, [*own, self.of_mfcc.codes(frames)], strict=True)
        )


def not_yet_quantizing(bottleneck: Bottleneck) -> list[str]:
    """One sentence where a bottleneck has codes, but passes latents on as they are until
    `start_after`; else none."""
    if bool(getattr(bottleneck, "is_quantizing", True)):
        return []
    return [
        "The bottleneck does not quantize yet, for this checkpoint is from before "
        "bottleneck.start_after: it passes on vectors, and there are no codes."
    ]


def _kinds_of_codes(bottleneck: Bottleneck) -> dict[str, int]:
    size, num_codebooks = bottleneck.codebook_size, bottleneck.num_codebooks
    assert size is not None
    if num_codebooks == 1:
        return {"codes": size}
    joint = {f"codes of all {num_codebooks} codebooks": size**num_codebooks}
    each = {f"codes of codebook {book + 1}": size for book in range(num_codebooks)}
    return (joint if size**num_codebooks <= MOST_JOINT_UNITS else {}) | each


def _units_of_codes(codes: np.ndarray, bottleneck: Bottleneck) -> list[np.ndarray]:
    """Codes (N,) or (N, Q) -> (N,) for each of `_kinds_of_codes`.  Of several codebooks, the joint
    unit is the number whose digits in base K the codes are, the first codebook's foremost."""
    if codes.ndim == 1:
        return [codes]
    size, num_codebooks = bottleneck.codebook_size, bottleneck.num_codebooks
    assert size is not None
    each = list(codes.T)
    if size**num_codebooks > MOST_JOINT_UNITS:
        return each
    return [codes @ size ** np.arange(num_codebooks - 1, -1, -1), *each]


def _without_joint_units(bottleneck: Bottleneck) -> str:
    return (
        f"The {bottleneck.num_codebooks} codebooks of {bottleneck.codebook_size} codes have more "
        f"than {MOST_JOINT_UNITS} combinations: they are judged one by one only."
    )
