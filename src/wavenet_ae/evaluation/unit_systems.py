"""Systems of units: codes, or clusters of vectors, and clusters of frames as baselines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.baseline_units import (
    AVERAGED,
    KMEANS_MFCC,
    BaselineFrames,
    Utterance,
)
from wavenet_ae.evaluation.results import Value
from wavenet_ae.metrics.baselines import Clusters
from wavenet_ae.metrics.representations import EncodedUtterance, encode_with_anchors
from wavenet_ae.models import CodeModel
from wavenet_ae.models.smoothed_codes import MOST_CODES, smoothed_latents
from wavenet_ae.randomness import keyed_permutation
from wavenet_ae.stream_names import ONLY_STREAM, of_stream

VECTORS = "kmeans_vectors"
PATH = "_path"  # ends the name of a system whose units are smoothed
CONTINUOUS_UNITS = 64  # clusters of the vectors where a bottleneck has no codes of its own
MOST_CLUSTERS = 1024  # more would take long and have few frames each
MOST_JOINT_UNITS = 1 << 16  # of several codebooks: each is a row of every table of counts
# Clusters are fitted to frames of so many utterances of the training split, at most.  The second
# bounds memory where recordings are long.
FITTED_UTTERANCES, FITTED_FRAMES = 400, 200_000
# Iterations of k-means beside kmeans_mfcc: after these, PNMI changes by less than .002.
BASELINE_ITERATIONS = 30


class Units:
    """Units of utterances in several systems.

    The systems are `codes` (of several codebooks: `joint_codes`, `codebook_1`, `codebook_2`, ...)
    or, of a bottleneck without codes, `kmeans_vectors`. Of a latent with codes of several bands
    (`codebook_1` is the lowest) that have too many joint units, it is `kmeans_vectors` and the
    codebooks. Then the same, smoothed, with `_path` at the end of their names; then `kmeans_mfcc`
    and the other baselines, see baseline_units.py, of which `kmeans_mfcc_averaged` is smoothed too.

    Of a model with several streams of codes, these are the systems of one of them, whose name they
    have, see stream_names.py.

    Args:
        model: The model, in evaluation mode.
        corpus: All utterances.
        seed: Key of what is random.
        baselines: Frames of the baselines; None for `kmeans_mfcc` alone.
        smoothing: Price of a change of unit, see `wavenet_ae.bottlenecks.smoothing`; 0 for no
            smoothed units.
        stream: Name of the stream of codes.

    Attributes:
        sizes: Number of units by system, the model's own first.
        plotted: Systems that plots show: the model's own, and `kmeans_mfcc`.
        code_rate: Codes of the stream a second.
        notes: Ids of remarks on units that are not available.
        metadata: Numbers that the notes mention.
    """

    def __init__(
        self,
        model: CodeModel,
        corpus: PackedCorpus,
        seed: int,
        baselines: BaselineFrames | None = None,
        smoothing: float = 0.0,
        stream: str = ONLY_STREAM,
    ) -> None:
        self.model, self.smoothing, self.stream = model, smoothing, stream
        self.bottleneck = model.stream(stream).bottleneck
        self.code_rate = float(model.sample_rate / model.stream(stream).hop)
        self.baselines = baselines or BaselineFrames(model, corpus, seed, stream=stream)
        self.notes: list[str] = []
        self.metadata: dict[str, Value] = {"smoothing": smoothing} if smoothing else {}
        fitted = self._training_frames(corpus, seed)
        num_clusters, own = CONTINUOUS_UNITS, dict[str, int]()
        self.of_vectors = None
        if (vectors := fitted.pop(VECTORS, None)) is not None:
            self.of_vectors = Clusters(vectors, CONTINUOUS_UNITS, seed)
            own[VECTORS] = CONTINUOUS_UNITS
        if self.bottleneck.is_quantizing:
            num_joint, of_codes = self._code_systems(self.bottleneck)
            num_clusters = num_joint if self.of_vectors is None else CONTINUOUS_UNITS
            own |= of_codes
        self.notes += quantization_notes(self.bottleneck)
        self.clusters = {KMEANS_MFCC: Clusters(fitted.pop(KMEANS_MFCC), num_clusters, seed)}
        for name in list(fitted):
            frames = fitted.pop(name)  # its memory is free once it is fitted
            self.clusters[name] = Clusters(frames, num_clusters, seed, BASELINE_ITERATIONS)
        self.smooths_own = self._can_smooth(self.bottleneck)
        paths = {name + PATH: size for name, size in own.items()} if self.smooths_own else {}
        sizes = {**own, **paths, **dict.fromkeys(self.clusters, num_clusters)}
        self.smooths_averaged = bool(smoothing) and AVERAGED in self.clusters
        if self.smooths_averaged:
            sizes[AVERAGED + PATH] = num_clusters
        self.sizes = {of_stream(name, stream): size for name, size in sizes.items()}
        self.plotted = [of_stream(name, stream) for name in (*own, KMEANS_MFCC)]

    def _code_systems(self, bottleneck: Bottleneck) -> tuple[int, dict[str, int]]:
        """Returns the number of clusters to compare codes with, and that of codes by system."""
        assert bottleneck.codebook_size is not None
        num_joint = bottleneck.codebook_size**bottleneck.num_codebooks
        if num_joint > MOST_JOINT_UNITS:
            self.notes.append("no_joint_codes")
            self.metadata |= {
                "num_codebooks": bottleneck.num_codebooks,
                "codebook_size": bottleneck.codebook_size,
                "max_joint_units": MOST_JOINT_UNITS,
            }
        return min(num_joint, MOST_CLUSTERS), _code_systems(bottleneck)

    def _can_smooth(self, bottleneck: Bottleneck) -> bool:
        if not bottleneck.is_smoothed:
            return False
        if not self.smoothing or not bottleneck.is_quantizing:
            return bool(self.smoothing)
        assert bottleneck.codebook_size is not None
        if bottleneck.codebook_size > MOST_CODES:
            self.notes.append("no_smoothed_codes")
            self.metadata["max_smoothed_codes"] = MOST_CODES
        return bottleneck.codebook_size <= MOST_CODES

    def _training_frames(self, corpus: PackedCorpus, seed: int) -> dict[str, np.ndarray]:
        """Returns frames (M, C) of each baseline, and vectors (M, D) of a continuous bottleneck."""
        rows = corpus.rows("train") if len(corpus.rows("train")) else np.arange(len(corpus))
        chosen = rows[keyed_permutation(len(rows), seed, "clusters")[:FITTED_UTTERANCES]]
        found: dict[str, list[np.ndarray]] = {}
        left = FITTED_FRAMES
        for row in chosen.tolist():
            if left <= 0:
                break
            encoded, frames = self.encode(corpus, row)
            if encoded.codes is None or _has_bands_alone(self.bottleneck):
                frames = {VECTORS: encoded.vectors, **frames}
            for name, values in frames.items():
                found.setdefault(name, []).append(values[:left])
            left -= len(encoded.anchors)
        return {name: np.concatenate(pieces) for name, pieces in found.items()}

    def encode(
        self, corpus: PackedCorpus, row: int
    ) -> tuple[EncodedUtterance, dict[str, np.ndarray]]:
        """Returns the encoded utterance, and frames (N, C) of each baseline at its anchors."""
        waveform = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))
        encoded = encode_with_anchors(self.model, waveform, self.stream)
        return encoded, self.baselines.of(Utterance(row, waveform, encoded.anchors))

    def of(self, corpus: PackedCorpus, row: int) -> tuple[np.ndarray, Mapping[str, np.ndarray]]:
        """Anchors (N,) of an utterance, and its units (N,) by system."""
        encoded, frames = self.encode(corpus, row)
        units = [*self._own(encoded), *(self._smoothed_own(encoded) if self.smooths_own else [])]
        units += [each.codes(frames[name]) for name, each in self.clusters.items()]
        if self.smooths_averaged:
            averaged = self.clusters[AVERAGED]
            units.append(averaged.smoothed_codes(frames[AVERAGED], self.smoothing))
        return encoded.anchors, dict(zip(self.sizes, units, strict=True))

    def _own(self, encoded: EncodedUtterance) -> list[np.ndarray]:
        clusters = self.of_vectors
        units = [] if clusters is None else [clusters.codes(encoded.vectors)]
        if encoded.codes is not None:
            units += _units_of_codes(encoded.codes, self.bottleneck)
        return units

    def _smoothed_own(self, encoded: EncodedUtterance) -> list[np.ndarray]:
        units, bottleneck = [], self.bottleneck
        if self.of_vectors is not None:
            units.append(self.of_vectors.smoothed_codes(encoded.vectors, self.smoothing))
        if encoded.quantized is None:
            return units
        latents = torch.from_numpy(encoded.quantized.T[None])  # (1, D, N)
        codes = smoothed_latents(bottleneck, latents, self.smoothing)  # (N,) or (H, N)
        rows = codes.t().numpy() if codes.ndim == 2 else codes.numpy()
        return [*units, *_units_of_codes(rows, bottleneck)]


def quantization_notes(bottleneck: Bottleneck) -> list[str]:
    """Returns a note where a bottleneck has codes, but passes latents on until `start_after`."""
    is_waiting = bottleneck.codebook_size is not None and not bottleneck.is_quantizing
    return ["not_quantizing"] if is_waiting else []


def _has_bands_alone(bottleneck: Bottleneck) -> bool:
    """Returns whether a latent has codes of several bands, but no unit of all of them together."""
    size, rows = bottleneck.codebook_size, bottleneck.num_codebooks
    return bottleneck.rows_per_codebook > 1 and (size or 0) ** rows > MOST_JOINT_UNITS


def _code_systems(bottleneck: Bottleneck) -> dict[str, int]:
    size, num_codebooks = bottleneck.codebook_size, bottleneck.num_codebooks
    assert size is not None
    if num_codebooks == 1:
        return {"codes": size}
    joint = {"joint_codes": size**num_codebooks}
    each = {f"codebook_{book + 1}": size for book in range(num_codebooks)}
    return (joint if size**num_codebooks <= MOST_JOINT_UNITS else {}) | each


def _units_of_codes(codes: np.ndarray, bottleneck: Bottleneck) -> list[np.ndarray]:
    """Returns the units (N,) in each of `_code_systems`, of codes (N,) or (N, H).

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
