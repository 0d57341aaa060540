"""Baselines: acoustic features, their k-means clusters, and an untrained model.

Features and their clusters need no network; an untrained model shows what training adds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from torch import Tensor

from wavenet_ae.audio.feature_means import recording_mean
from wavenet_ae.audio.features import MFCC, Features, LogMel
from wavenet_ae.bottlenecks.smoothing import in_margins, smoothed_codes
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.encoders import Encoder
from wavenet_ae.errors import UserError, counted
from wavenet_ae.models import CodeModel, build
from wavenet_ae.models.utterance import HopLayout
from wavenet_ae.nn.normalization import BatchNorm
from wavenet_ae.randomness import keyed_bits, keyed_permutation, keyed_seed

Kind = TypeVar("Kind", MFCC, LogMel)
NUM_MELS = {MFCC: 26, LogMel: 40}  # the most that leave no band empty at 8 kHz
NUM_WINDOWS = 64
WINDOWS_AT_ONCE = 8  # batch from which batch normalization takes its statistics


def fitted_features(kind: type[Kind], model: CodeModel, waveforms: Iterable[Tensor]) -> Kind:
    """Returns features of a kind, normalized by the corpus: the model's own, or newly fitted ones.

    Args:
        kind: MFCC or LogMel.
        model: The model; its features are returned if they are of this kind and normalized so.
        waveforms: `(B, T)` int16 at the model's rate, on which new features are standardized.
    """
    own = model.encoder.features
    if isinstance(own, kind) and not own.needs_mean:
        return own
    features = kind(model.sample_rate, num_mels=NUM_MELS[kind])
    features.fit(model.normalize(waveform) for waveform in waveforms)
    return features


@torch.no_grad()
def frames_at(
    features: Features,
    model: CodeModel,
    waveform: Tensor,
    anchors: np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the frames nearest to some instants, in the phase of the model's own frames.

    Args:
        features: Features of the model's rate.
        model: The model, which normalizes the waveform.
        waveform: `(T,)` int16, an utterance at the model's rate.
        anchors: `(N,)` instants in samples.
        weights: `(W,)` for a weighted sum of the W frames around each instant, of which those
            outside of the utterance repeat its first or last frame; None for the nearest frame.

    Returns:
        `(N, C)`.
    """
    grid = features.chain.grid()
    hop = int(grid.spacing)
    margin = -(-features.chain.receptive_field // hop) * hop
    before = margin - HopLayout(model).start
    beyond = max(0, math.ceil(anchors[-1]) - len(waveform))  # the single code of a short recording
    padded = F.pad(model.normalize(waveform), (before, margin + beyond))
    mean = recording_mean(features, [waveform])[None] if features.needs_mean else None
    frames = features(padded[None], mean)[0].t().numpy()  # (F, C)
    if weights is None:
        return frames[[grid.nearest(int(anchor + before)) for anchor in anchors]]
    earlier = hop * (len(weights) - 1) / 2  # from the first of the frames to their middle
    firsts = np.array([grid.nearest(math.floor(anchor + before - earlier)) for anchor in anchors])
    first, last = (grid.nearest(before + at) for at in (0, max(math.floor(anchors[-1]), 0)))
    rows = np.clip(firsts[:, None] + np.arange(len(weights)), first, last)  # (N, W)
    return np.einsum("nwc,w->nc", frames[rows], weights).astype(frames.dtype)


class Clusters:
    """k-means centers of frames, every dimension standardized.

    Args:
        frames: `(M, C)` frames to fit.
        num_codes: Number of centers.
        seed: Seed of the first centers.
        num_iterations: Iterations of k-means, at most.

    Raises:
        UserError: If there are fewer frames than centers.
    """

    def __init__(
        self, frames: np.ndarray, num_codes: int, seed: int = 0, num_iterations: int = 300
    ) -> None:
        if len(frames) < num_codes:
            raise UserError(
                f"k-means with {counted(num_codes, 'code')} needs as many frames, but there are "
                f"{len(frames)}: use more speech or fewer codes"
            )
        self.mean, deviation = frames.mean(axis=0), frames.std(axis=0)
        self.scale = np.where(deviation > 0, deviation, 1)  # a constant dimension becomes 0
        # One start: k-means++ chooses good centers, and more starts change PNMI by less than .01.
        centers = KMeans(
            num_codes, n_init=1, random_state=seed, max_iter=num_iterations, copy_x=False
        )
        self.centers = centers.fit(self._scaled(frames))  # x is a copy

    @property
    def vectors(self) -> np.ndarray:
        """Centers `(num_codes, C)` on the scale of the frames."""
        return self.centers.cluster_centers_ * self.scale + self.mean

    def codes(self, frames: np.ndarray) -> np.ndarray:
        """Returns the nearest center of each frame: `(N, C)` to `(N,)` int64."""
        return self.centers.predict(self._scaled(frames)).astype(np.int64)

    def smoothed_codes(self, frames: np.ndarray, smoothing: float) -> np.ndarray:
        """Returns the centers `(N,)` int64 of frames `(N, C)` when changes have a price.

        Args:
            frames: Frames of one utterance, in order.
            smoothing: The price, in mean margins of the squared distances, see
                `wavenet_ae.bottlenecks.smoothing`.
        """
        distances = self.centers.transform(self._scaled(frames)) ** 2  # (N, K)
        if distances.shape[1] < 2:
            return self.codes(frames)
        return smoothed_codes(in_margins(distances), smoothing)

    def _scaled(self, frames: np.ndarray) -> np.ndarray:
        return (frames - self.mean) / self.scale


def kmeans_codes(
    frames: np.ndarray, num_codes: int, seed: int = 0, fit_to: np.ndarray | None = None
) -> np.ndarray:
    """Returns the codes of frames in k-means clusters, see `Clusters`.

    Args:
        frames: `(N, C)`.
        num_codes: Number of clusters.
        seed: Seed of the first centers.
        fit_to: `(M, C)` frames to fit; by default `frames`.

    Returns:
        `(N,)` int64.
    """
    return Clusters(frames if fit_to is None else fit_to, num_codes, seed).codes(frames)


def training_windows(model: CodeModel, corpus: PackedCorpus, seed: int = 0) -> Tensor:
    """Returns a window, at least a second long, of each of at most 64 training utterances.

    If there is no training split, utterances come from all splits. Shorter utterances are padded
    with silence.

    Args:
        model: The model, whose rate and receptive field set the length.
        corpus: The packed corpus.
        seed: Key of the choice.

    Returns:
        `(B, T)` int16.
    """
    length = max(model.sample_rate, 2 * model.encoder.chain.receptive_field)
    rows = corpus.rows("train") if len(corpus.rows("train")) else np.arange(len(corpus))
    chosen = rows[keyed_permutation(len(rows), seed, "window utterances")[:NUM_WINDOWS]]
    places = keyed_bits(len(chosen), seed, "window places")
    windows = []
    for row, place in zip(chosen.tolist(), places.tolist(), strict=True):
        total = int(corpus.length[row])
        start = place % max(1, total - length + 1)
        samples = torch.from_numpy(corpus.read(row, start, min(start + length, total)))
        windows.append(F.pad(samples, (0, length - len(samples))))
    return torch.stack(windows)


def random_model(
    config: Mapping[str, Any], model: CodeModel, windows: Tensor, seed: int = 0
) -> CodeModel:
    """Builds a model of the same configuration with fresh weights, in evaluation mode.

    The random model knows what a run knows of its data before the first step: features are
    standardized on `windows`, and batch normalization has the statistics that it would have in
    training. If the encoder has a shortcut, its stack contributes nothing yet, as at the start of
    any run. Features that are normalized per recording or speaker are so by each window's own mean.

    Args:
        config: Configuration that the model was built from.
        model: The trained model.
        windows: `(B, T)` int16 of the training split.
        seed: Key of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(keyed_seed(seed, "random model"))
        fresh = build(config, model.speakers)
    assert isinstance(fresh, CodeModel)
    fresh.to(model.dtype)
    parts = windows.split(WINDOWS_AT_ONCE)
    batches = [fresh.normalize(each) for each in parts]
    features = fresh.encoder.features
    means: list[Tensor] | None = None
    if features.needs_mean:
        means = [torch.stack([recording_mean(features, [row]) for row in each]) for each in parts]
    fresh.fit(batches, means)
    _settle_statistics(fresh.encoder, batches, means or [None] * len(batches))
    return fresh.eval()


@torch.no_grad()
def _settle_statistics(
    encoder: Encoder, batches: list[Tensor], means: Sequence[Tensor | None]
) -> None:
    """Sets batch normalization to the mean statistics of batches `(B, T)`, as training would."""
    encoder.train()
    for module in encoder.modules():
        if isinstance(module, BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # torch's plain average over batches
            module.train()  # also in an encoder that stays in evaluation mode
    for batch, mean in zip(batches, means, strict=True):
        encoder(batch, mean)
