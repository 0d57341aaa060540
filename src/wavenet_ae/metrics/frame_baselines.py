"""Baselines of the prediction of frames, in the units of a model's likelihood.

    histogram           how frequent each value is in a channel, whatever came before
    previous_frame      a Gaussian around the value of the newest frame that may be read
    linear_prediction   a Gaussian around a linear map of all values of the newest HISTORY frames

All are fitted to utterances of the training split, deviations and histograms per channel.  Given
the past, channels are independent of each other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.decoders.gaussians import LEAST_DEVIATION, MixtureOfGaussians, level_values
from wavenet_ae.metrics.likelihood import Likelihood
from wavenet_ae.models import Autoencoder
from wavenet_ae.randomness import keyed_permutation

NAMES = ("histogram", "previous_frame", "linear_prediction")
HISTORY = 5
FITTED_UTTERANCES = 500
RIDGE = 1e-3  # of the linear map, in squared deviations of a value a frame
BIN, MOST = 0.05, 8.0  # width of the bins of real values, and where the last ones end


class FrameBaselines:
    """Baselines for the frames that a model predicts.

    Args:
        model: Model whose target is a frame.
        corpus: The packed corpus.
        seed: Key of the choice of utterances to which they are fitted.

    Attributes:
        lag: Frames from the newest one that is read to the predicted one, as of the model.
        num_fitted: Utterances to which the baselines have been fitted.
    """

    def __init__(self, model: Autoencoder, corpus: PackedCorpus, seed: int = 0) -> None:
        self.model, self.corpus = model, corpus
        alignment = model.alignment
        self.lag = max(1, alignment.delay - alignment.least_honest_delay + 1)
        channels = model.target.num_values
        # One Gaussian: of a real value its density, of a level the mass of its bin.
        self.gaussian = MixtureOfGaussians(model.target.levels, channels, num_components=1)
        rows = corpus.rows("train")
        rows = rows if len(rows) else np.arange(len(corpus))
        chosen = rows[keyed_permutation(len(rows), seed, "frame baselines")][:FITTED_UTTERANCES]
        self.num_fitted = len(chosen)
        self._fit(chosen)

    def likelihood(self, rows: np.ndarray) -> Likelihood:
        """Returns the nats of all frames of utterances (U,), by the name of the baseline."""
        nats = np.zeros((len(NAMES), len(rows)))
        counts = np.zeros((len(NAMES), len(rows)), dtype=np.int64)
        for column, (targets, past) in enumerate(self._utterances(rows)):
            for row, each in enumerate(self._nll(targets, past)):
                nats[row, column] = float(each.double().sum())
                counts[row, column] = len(targets)
        return Likelihood(NAMES, nats, counts)

    def _utterances(self, rows: np.ndarray) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields the frames (W, C) of each utterance and what precedes each, (W, HISTORY * C)."""
        target = self.model.target
        hop, before = int(target.chain.grid().spacing), self.lag + HISTORY - 1
        for row in rows.tolist():
            length = int(self.corpus.length[row])
            samples = torch.from_numpy(self.corpus.read(row, 0, length))
            num_frames = -(-length // hop)
            after = target.chain.input_length(num_frames) - length
            around = F.pad(samples, (before * hop, after))[None].to(self.model.device)
            frames = target(around)[0].cpu()  # (before + W, C)
            values = self._values(frames).double()
            starts = [before - self.lag - each for each in range(HISTORY)]  # newest first
            past = torch.cat([values[start : start + num_frames] for start in starts], dim=1)
            yield frames[before:], past

    def _values(self, targets: Tensor) -> Tensor:
        """Returns targets as real numbers, levels between -1 and 1."""
        levels = self.model.target.levels
        return targets.float() if levels is None else level_values(targets, levels)

    @torch.no_grad()
    def _fit(self, rows: np.ndarray) -> None:
        channels = self.model.target.num_values
        size = HISTORY * channels + 1
        inputs, outputs = torch.zeros(size, size).double(), torch.zeros(size, channels).double()
        squares, repeated = torch.zeros(channels).double(), torch.zeros(channels).double()
        self.counts = torch.ones(channels, self._num_bins)  # one more than there are
        num_frames = 0
        for targets, past in self._utterances(rows):
            values, read = self._values(targets).double(), F.pad(past, (0, 1), value=1.0)
            inputs += read.T @ read
            outputs += read.T @ values
            squares += values.square().sum(dim=0)
            repeated += (values - past[:, :channels]).square().sum(dim=0)
            bins = self._bins(targets) + self._num_bins * torch.arange(channels)
            self.counts += torch.bincount(bins.flatten(), minlength=self.counts.numel()).view(
                channels, -1
            )
            num_frames += len(targets)
        ridge = RIDGE * num_frames * torch.eye(size, dtype=torch.float64)
        self.map = torch.linalg.solve(inputs + ridge, outputs)
        explained = (self.map * (2 * outputs - inputs @ self.map)).sum(dim=0)
        self.deviations = [
            _deviation(each / num_frames) for each in (repeated, squares - explained)
        ]

    def _nll(self, targets: Tensor, past: Tensor) -> Iterator[Tensor]:
        """Yields the nats (W,) of frames (W, C) by each baseline."""
        shares = self.counts / self.counts.sum(dim=1, keepdim=True)
        density = shares if self.model.target.levels is not None else shares / BIN
        yield -density.log().T.gather(0, self._bins(targets)).sum(dim=1)
        newest = past[:, : targets.shape[1]]
        linear = F.pad(past, (0, 1), value=1.0) @ self.map
        for means, deviation in zip((newest, linear), self.deviations, strict=True):
            logits = torch.zeros_like(means)
            spread = (deviation - LEAST_DEVIATION).expm1().log().expand_as(means)
            parameters = torch.stack([logits, means, spread], dim=1)  # (W, 3, C)
            yield self.gaussian.nll(parameters, targets).sum(dim=1)

    @property
    def _num_bins(self) -> int:
        return self.model.target.levels or round(2 * MOST / BIN)

    def _bins(self, targets: Tensor) -> Tensor:
        if self.model.target.levels is not None:
            return targets
        return ((targets + MOST) / BIN).floor().long().clamp(0, self._num_bins - 1)


def _deviation(variance: Tensor) -> Tensor:
    """Returns deviations of which none is below that of a model."""
    return variance.clamp_min(0).sqrt().clamp_min(1.01 * LEAST_DEVIATION)
