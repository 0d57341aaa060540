"""Cluster targets for masked prediction: the frames of a whole corpus in k-means clusters.

Utterances are read one after another, and clusters are fitted to a sample of the training split's
frames, so that memory does not grow with the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from wavenet_ae.audio.features import MFCC
from wavenet_ae.bottlenecks import Identity
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.encoders import FeatureEncoder
from wavenet_ae.errors import UserError
from wavenet_ae.loading import load
from wavenet_ae.metrics.baselines import NUM_MELS, Clusters, training_windows
from wavenet_ae.model_paths import checkpoint_in
from wavenet_ae.models import CodeModel, CodeStream, Representation
from wavenet_ae.models.smoothed_codes import require_smoothing, smoothed_blocks
from wavenet_ae.models.utterance import CodeLayout, encode_in_chunks
from wavenet_ae.objectives.cluster_targets import ClusterTargets
from wavenet_ae.progress import Progress
from wavenet_ae.randomness import keyed_permutation

MFCC_SOURCE, MFCC_HOP_SECONDS = "mfcc", 0.02
# Clusters are fitted to frames of so many utterances of the training split, at most.
FITTED_UTTERANCES, FITTED_FRAMES = 2000, 200_000

Clustered = Literal["latents", "vectors", "codes"]


def make_cluster_targets(
    source: str | Path,
    corpus: PackedCorpus,
    out_file: str | Path,
    num_clusters: int = 128,
    seed: int = 0,
    iterations: int = 20,
    clustered: Clustered = "latents",
    remove_utterance_mean: bool = False,
    smoothing: float = 0.0,
) -> ClusterTargets:
    """Clusters the frames of every utterance of a corpus, and writes their clusters to a file.

    Args:
        source: A model with an encoder, as `wavenet_ae.model_paths` lists how to name one; or
            "mfcc": MFCC with deltas every 20 ms.
        corpus: The packed corpus, at the model's sample rate.
        out_file: File that `objective.masked_prediction.targets` names, such as targets.npz.
        num_clusters: Clusters, K; of `codes`, the size of the codebook counts instead.
        seed: Seed of the sample of frames and of the first centers.
        iterations: Iterations of k-means, at most.
        clustered: What is clustered: `latents`, what the bottleneck reads (the context of a
            representation with model.code_of=context); `vectors`, what it returns; `codes`, its
            own codes, which need no clusters.
        remove_utterance_mean: Whether frames are clustered without the mean of their utterance.
        smoothing: Price of a change of cluster along an utterance, in mean margins, see
            `wavenet_ae.bottlenecks.smoothing`; 0: each frame has its nearest cluster.

    Returns:
        What the file holds.

    Raises:
        UserError: The checkpoint has no encoder, no such codes or another sample rate, codes are to
            be without a mean, there are fewer frames than clusters, or the file cannot be written.
            Or the smoothing is negative or not finite, or the codebook too large for it.
    """
    _require_mean(clustered, remove_utterance_mean)
    if not 0 <= smoothing < np.inf:
        raise UserError(f"smoothing is {smoothing}, but must be a number of at least 0")
    model, name = _source_model(source, corpus)
    stream = _only_stream(model, name)
    frames = _Frames(model, stream, corpus, clustered, remove_utterance_mean, smoothing)
    if clustered == "codes":
        centers = np.zeros((_codebook_size(stream, name), 0), np.float32)
        require_smoothing(model, smoothing)
        codes = list(_every_utterance(frames))
    else:
        clusters = Clusters(np.concatenate([*frames.sample(seed)]), num_clusters, seed, iterations)
        centers = clusters.vectors
        codes = [_clusters_of(each, clusters, smoothing) for each in _every_utterance(frames)]
    layout = CodeLayout(model, stream.name)
    targets = ClusterTargets(
        fingerprint=corpus.fingerprint,
        sample_rate=corpus.sample_rate,
        hop=layout.hop,
        origin=float(layout.anchor),
        source=f"{clustered} of {name}" + (f", smoothed by {smoothing:g}" if smoothing else ""),
        utterances=corpus.keys,
        lengths=np.array([len(each) for each in codes], dtype=np.int64),
        codes=np.concatenate(codes),
        centers=centers,
    )
    targets.save(Path(out_file))
    return targets


def _clusters_of(frames: np.ndarray, clusters: Clusters, smoothing: float) -> np.ndarray:
    """Returns the cluster (N,) of each frame (N, C) of an utterance."""
    return clusters.smoothed_codes(frames, smoothing) if smoothing else clusters.codes(frames)


def _require_mean(clustered: Clustered, remove_utterance_mean: bool) -> None:
    if clustered == "codes" and remove_utterance_mean:
        raise UserError(
            "remove_utterance_mean is true, but clustered is codes, which are numbers without a "
            "mean: set remove_utterance_mean=false, or clustered=latents or vectors"
        )


def _source_model(source: str | Path, corpus: PackedCorpus) -> tuple[CodeModel, str]:
    """Returns the model whose frames are clustered, fitted where it has no checkpoint, and its
    name.
    """
    if str(source) == MFCC_SOURCE:
        return _mfcc_model(corpus), "MFCC"
    source = checkpoint_in(source)
    model = load(source)
    if not isinstance(model, CodeModel):
        raise UserError(f"{source} has no encoder, so that it has no frames to cluster")
    if model.sample_rate != corpus.sample_rate:
        raise UserError(
            f"{source} reads {model.sample_rate} Hz, but the corpus has {corpus.sample_rate}: set "
            f"sample_rate={model.sample_rate}"
        )
    return model, Path(source).name


def _mfcc_model(corpus: PackedCorpus) -> CodeModel:
    """Returns MFCC with deltas, standardized on the training split, as a representation."""
    rate = corpus.sample_rate
    features = MFCC(rate, num_mels=NUM_MELS[MFCC], hop_seconds=MFCC_HOP_SECONDS)
    encoder = FeatureEncoder(features)
    model = Representation(rate, [], encoder, Identity(encoder.dim))
    model.fit([model.normalize(training_windows(model, corpus))])
    return model.eval()


def _only_stream(model: CodeModel, name: str) -> CodeStream:
    """Returns the stream whose frames are clustered: targets are one sequence."""
    if len(streams := model.code_streams) > 1:
        names = ", ".join(stream.name for stream in streams)
        raise UserError(
            f"{name} has the streams of codes {names}, but targets are one sequence: use a "
            "checkpoint with one stream"
        )
    return streams[0]


def _codebook_size(stream: CodeStream, name: str) -> int:
    bottleneck = stream.bottleneck
    if not bottleneck.is_quantizing or bottleneck.num_codebooks != 1:
        raise UserError(
            f"{name} has no single codebook whose codes could be targets: set clustered=latents"
        )
    assert bottleneck.codebook_size is not None
    return bottleneck.codebook_size


def _every_utterance(frames: _Frames) -> Iterator[np.ndarray]:
    """Yields what is clustered of each utterance, with a line of progress."""
    num_utterances = len(frames.corpus)
    with Progress("clustering", num_utterances) as progress:
        for row in range(num_utterances):
            yield frames.of(row)
            progress.at(row + 1, f"clustering: {row + 1}/{num_utterances} utterances")


class _Frames:
    """Frames (N, C), or codes (N,), of the utterances of a corpus."""

    def __init__(
        self,
        model: CodeModel,
        stream: CodeStream,
        corpus: PackedCorpus,
        clustered: Clustered,
        is_centered: bool,
        smoothing: float,
    ) -> None:
        self.model, self.stream, self.corpus = model, stream, corpus
        self.clustered, self.is_centered = clustered, is_centered
        self.smoothing = smoothing

    def of(self, row: int) -> np.ndarray:
        """Returns what is clustered of an utterance."""
        samples = torch.from_numpy(self.corpus.read(row, 0, int(self.corpus.length[row])))
        if self.clustered == "codes":
            return smoothed_blocks(self.model, [samples], self.smoothing)[self.stream.name].numpy()
        pieces = []
        for chunk in encode_in_chunks(self.model, [samples]):
            encoded = chunk[self.stream.name]
            read = encoded.latents if self.clustered == "latents" else encoded.output.vectors
            pieces.append(read[0])
        found = torch.cat(pieces, dim=-1).t().numpy()
        return found - found.mean(axis=0) if self.is_centered else found

    def sample(self, seed: int) -> Iterator[np.ndarray]:
        """Yields frames of utterances of the training split, as many of each at most."""
        rows = self.corpus.rows("train")
        rows = rows if len(rows) else np.arange(len(self.corpus))
        chosen = rows[keyed_permutation(len(rows), seed, "clustered utterances")]
        chosen = chosen[:FITTED_UTTERANCES].tolist()
        most = -(-FITTED_FRAMES // len(chosen))
        for row in chosen:
            found = self.of(row)
            yield found[keyed_permutation(len(found), seed, "clustered frames", row)[:most]]
