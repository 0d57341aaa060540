"""Memory of codes: how well frames of the past can be decoded from a representation, by lag.

Small decoders are trained on frozen representations to give back the log-mel frames around each
code:

    frames      ... f[t-3]  f[t-2]  f[t-1]  f[t]       read by the code at t
    code                                     c[t] ---> decoders of f[t], f[t-1], f[t-2], ...

The explained variance of a lag is 1 - (squared error) / (squared distance from the mean), over the
channels of its frames, on utterances that the decoder was not trained on. Speech is smooth: what is
decoded counts as memory as far as it exceeds what the present frame gives away.

- linear: ridge regression.
- mlp: one hidden layer of 128 ReLU units, as the probes have.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor

from wavenet_ae.audio.features import Features
from wavenet_ae.metrics.baselines import frames_at
from wavenet_ae.metrics.cross_validation import folds_of_groups
from wavenet_ae.metrics.probe_data import Matrix
from wavenet_ae.metrics.probes import KINDS, Kind, mlp_settings, scaled
from wavenet_ae.models import CodeModel
from wavenet_ae.stream_names import ONLY_STREAM

NUM_FOLDS = 3
MAX_LAGS = 20  # that are decoded, evenly spaced where more are read
ENDLESS_SECONDS = 0.5  # of the past, for codes without a receptive field
BEYOND = 0.25  # of the receptive field that is decoded though nothing reads it, on either side
RECALLED = 0.5  # explained variance from which on a frame counts as recalled
RIDGE = 1.0


@dataclass(frozen=True)
class Lags:
    """Frames that are decoded, as they lie behind a code.

    Attributes:
        frames: (L,) frames behind the code, ascending; negative ones are ahead of it.
        hop: Samples from one frame to the next.
        is_read: (L,) whether the code reads the whole of each frame.
    """

    frames: np.ndarray
    hop: int
    is_read: np.ndarray

    @property
    def samples(self) -> np.ndarray:
        """(L,) samples from each frame's center to the code."""
        return self.frames * self.hop

    def decodable(self, anchors: np.ndarray, frame_length: int, num_samples: int) -> np.ndarray:
        """Returns (N,) bool: codes at `anchors` of which all frames lie within the utterance."""
        half = frame_length / 2
        first = anchors - self.samples.max() - half
        last = anchors - self.samples.min() + half
        return (first >= 0) & (last < num_samples)


def lags_of(model: CodeModel, features: Features, stream: str = ONLY_STREAM) -> Lags:
    """Returns the frames that a code may remember: its receptive field, and some beyond it.

    Args:
        model: The model.
        features: The frames.
        stream: Name of the stream of codes.
    """
    hop, length = int(features.chain.grid().spacing), features.chain.receptive_field
    if model.code_has_fixed_context:
        own = model.stream(stream)
        anchor, reads = own.grid.anchor(0), own.chain.input_range(range(1))
        past = float(anchor - reads.start) - (length - 1) / 2
        ahead = float(reads.stop - 1 - anchor) - (length - 1) / 2
    else:
        past, ahead = ENDLESS_SECONDS * model.sample_rate, 0.0
    beyond = BEYOND * max(0.0, past + ahead)
    first = -ceil((ahead + beyond) / hop) if ahead > 0 else 0
    last = ceil((past + beyond) / hop)
    step = max(1, ceil((last - first) / MAX_LAGS))
    frames = np.arange(step * floor(first / step), last + 1, step)  # with frame 0
    tolerance = hop / 2  # frames may be anchored between those of the encoder
    is_read = (frames * hop <= past + tolerance) & (frames * hop >= -ahead - tolerance)
    return Lags(frames, hop, is_read)


def lagged_frames(
    features: Features, model: CodeModel, waveform: torch.Tensor, anchors: np.ndarray, lags: Lags
) -> np.ndarray:
    """Returns the frames around each code, (N, L * C).

    Args:
        features: The frames.
        model: The model.
        waveform: (T,) int16, an utterance at the model's rate.
        anchors: (N,) sample of each code, all of whose frames lie within the utterance.
        lags: Which frames.
    """
    if not len(anchors):
        return np.zeros((0, len(lags.frames) * features.dim), np.float32)
    instants = (anchors[:, None] - lags.samples).ravel()  # (N * L,)
    frames = frames_at(features, model, waveform, instants)  # (N * L, C)
    return frames.reshape(len(anchors), -1)


@dataclass(frozen=True)
class Recall:
    """What a kind of decoder gives back of a representation.

    Attributes:
        representation: Name of the representation.
        kind: Kind of the decoder.
        explained: (L,) explained variance of each lag.
    """

    representation: str
    kind: Kind
    explained: np.ndarray


def recalls(
    values: Mapping[str, Matrix],
    frames: np.ndarray,
    num_lags: int,
    utterances: np.ndarray,
    seed: int = 0,
) -> Iterator[Recall]:
    """Yields what each kind of decoder gives back of each representation.

    Args:
        values: (R, D) by representation.
        frames: (R, L * C) to decode.
        num_lags: L.
        utterances: (R,) utterance of each row, at least two of them.
        seed: Seed of folds and initial weights.
    """
    num_folds = min(NUM_FOLDS, len(np.unique(utterances)))
    folds = folds_of_groups(utterances, num_folds, seed)
    for name, rows in values.items():
        for kind in KINDS:
            sums = np.zeros((2, num_lags))
            for fold in range(num_folds):
                train, test = folds != fold, folds == fold
                decoded = _decoded(kind, rows[train], frames[train], rows[test], seed)
                sums += _squares(frames[test], decoded, frames[train].mean(axis=0), num_lags)
            yield Recall(name, kind, 1 - sums[0] / np.maximum(sums[1], 1e-12))


def recalled(explained: Sequence[float], is_read: Sequence[bool]) -> int | None:
    """Returns the index of the last lag in a row, from the first that is read, that is recalled.

    Args:
        explained: Explained variances of ascending lags from 0.
        is_read: Whether the code reads each.
    """
    last = None
    for index, (value, can_be) in enumerate(zip(explained, is_read, strict=True)):
        if value < RECALLED or not can_be:
            break
        last = index
    return last


def _decoded(kind: Kind, train: Matrix, targets: np.ndarray, test: Matrix, seed: int) -> np.ndarray:
    """Trains a decoder and returns what it makes of test rows, (S, L * C)."""
    train, test = scaled(train, test)
    if kind == "linear":
        decoder: Ridge | MLPRegressor = Ridge(RIDGE)
    else:
        decoder = MLPRegressor(**mlp_settings(len(targets), seed))
    with warnings.catch_warnings():
        # The result of a decoder that stops early is a valid, lower one.
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        decoded: np.ndarray = decoder.fit(train, targets).predict(test)
        return decoded


def _squares(
    frames: np.ndarray, decoded: np.ndarray, mean: np.ndarray, num_lags: int
) -> np.ndarray:
    """Returns (2, L): squared errors, and squared distances from the mean."""
    errors = [(frames - guess) ** 2 for guess in (decoded, mean)]  # each (S, L * C)
    return np.stack([each.sum(axis=0).reshape(num_lags, -1).sum(axis=1) for each in errors])
