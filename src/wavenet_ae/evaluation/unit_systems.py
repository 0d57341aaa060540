"""Systems of units: codes, or clusters of vectors, and clusters of MFCC as a baseline."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from wavenet_ae.audio.features import MFCC
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.results import Value
from wavenet_ae.metrics.baselines import Clusters, fitted_features, frames_at, training_windows
from wavenet_ae.metrics.representations import EncodedUtterance, encode_with_anchors
from wavenet_ae.models import CodeModel
from wavenet_ae.randomness import keyed_permutation

KMEANS_MFCC = "kmeans_mfcc"
CONTINUOUS_UNITS = 64  # clusters of the vectors where a bottleneck has no codes of its own
MOST_CLUSTERS = 1024  # more would take long and have few frames each
MOST_JOINT_UNITS = 1 << 16  # of several codebooks: each is a row of every table of counts
# Of the training split; clusters are fitted to their frames.  The second bounds memory where
# recordings are long.
FITTED_UTTERANCES, FITTED_FRAMES = 400, 200_000


class Units:
    """Units of utterances in several systems.

    The systems are `codes` (of several codebooks: `joint_codes`, `codebook_1`, `codebook_2`, ...)
    or, of a bottleneck without codes, `kmeans_vectors`; then `kmeans_mfcc`.

    Attributes:
        sizes: Number of units by system: the model's own first, `kmeans_mfcc` last.
        notes: Ids of remarks on units that are not available.
        metadata: Numbers that the notes mention.
    """

    def __init__(self, model: CodeModel, corpus: PackedCorpus, seed: int) -> None:
        self.model, bottleneck = model, model.bottleneck
        windows = training_windows(model, corpus, seed)
        self.mfcc = fitted_features(MFCC, model, [windows])
        frames, vectors = self._training_frames(corpus, seed)
        self.of_vectors = None
        self.notes: list[str] = []
        self.metadata: dict[str, Value] = {}
        if vectors is not None:
            self.of_vectors = Clusters(vectors, CONTINUOUS_UNITS, seed)
            num_clusters, own = CONTINUOUS_UNITS, {"kmeans_vectors": CONTINUOUS_UNITS}
            self.notes += quantization_notes(bottleneck)
        else:
            assert bottleneck.codebook_size is not None
            num_joint = bottleneck.codebook_size**bottleneck.num_codebooks
            num_clusters, own = min(num_joint, MOST_CLUSTERS), _code_systems(bottleneck)
            if num_joint > MOST_JOINT_UNITS:
                self.notes.append("no_joint_codes")
                self.metadata |= {
                    "num_codebooks": bottleneck.num_codebooks,
                    "codebook_size": bottleneck.codebook_size,
                    "max_joint_units": MOST_JOINT_UNITS,
                }
        self.of_mfcc = Clusters(frames, num_clusters, seed)
        self.sizes = {**own, KMEANS_MFCC: num_clusters}

    def _training_frames(
        self, corpus: PackedCorpus, seed: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """MFCC frames (M, C) and, of a continuous bottleneck, vectors (M, D)."""
        rows = corpus.rows("train") if len(corpus.rows("train")) else np.arange(len(corpus))
        chosen = rows[keyed_permutation(len(rows), seed, "clusters")[:FITTED_UTTERANCES]]
        frames, vectors, left = [], [], FITTED_FRAMES
        for row in chosen.tolist():
            if left <= 0:
                break
            encoded, of_mfcc = self.encode(corpus, row)
            frames.append(of_mfcc[:left])
            vectors += [encoded.vectors[:left]] if encoded.codes is None else []
            left -= len(of_mfcc)
        return np.concatenate(frames), np.concatenate(vectors) if vectors else None

    def encode(self, corpus: PackedCorpus, row: int) -> tuple[EncodedUtterance, np.ndarray]:
        """Encoded utterance, and MFCC frames (N, C) at its anchors."""
        waveform = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))
        encoded = encode_with_anchors(self.model, waveform)
        return encoded, frames_at(self.mfcc, self.model, waveform, encoded.anchors)

    def of(self, corpus: PackedCorpus, row: int) -> tuple[np.ndarray, Mapping[str, np.ndarray]]:
        """Anchors (N,) of an utterance, and its units (N,) by system."""
        encoded, frames = self.encode(corpus, row)
        if encoded.codes is None:
            assert self.of_vectors is not None
            own = [self.of_vectors.codes(encoded.vectors)]
        else:
            own = _units_of_codes(encoded.codes, self.model.bottleneck)
        return encoded.anchors, dict(
            zip(self.sizes, [*own, self.of_mfcc.codes(frames)], strict=True)
        )


def quantization_notes(bottleneck: Bottleneck) -> list[str]:
    """A note where a bottleneck has codes, but passes latents on until `start_after`."""
    is_waiting = bottleneck.codebook_size is not None and not bottleneck.is_quantizing
    return ["not_quantizing"] if is_waiting else []


def _code_systems(bottleneck: Bottleneck) -> dict[str, int]:
    size, num_codebooks = bottleneck.codebook_size, bottleneck.num_codebooks
    assert size is not None
    if num_codebooks == 1:
        return {"codes": size}
    joint = {"joint_codes": size**num_codebooks}
    each = {f"codebook_{book + 1}": size for book in range(num_codebooks)}
    return (joint if size**num_codebooks <= MOST_JOINT_UNITS else {}) | each


def _units_of_codes(codes: np.ndarray, bottleneck: Bottleneck) -> list[np.ndarray]:
    """Units (N,) in each of `_code_systems`, of codes (N,) or (N, Q).

    The joint unit of several codebooks is the number whose digits in base K are the codes, with
    the first codebook as the highest digit.
    """
    if codes.ndim == 1:
        return [codes]
    size, num_codebooks = bottleneck.codebook_size, bottleneck.num_codebooks
    assert size is not None
    each = list(codes.T)
    if size**num_codebooks > MOST_JOINT_UNITS:
        return each
    return [codes @ size ** np.arange(num_codebooks - 1, -1, -1), *each]
