"""Likelihood of whole utterances, with their own codes and in ablations.

                silence |<------------- utterance ------------->| silence
    windows      |<-- targets -->|<-- targets -->|<-- targets -->|      each sample once
    interior              |<----------------------------->|             reads nothing of the silence

Windows of all utterances are mixed, so that the next item's codes are those of another utterance.
Memory grows with the number of utterances, not with their lengths.

Ablations predict windows again with shuffled codes, zeroed codes or another speaker, which shows
whether the decoder uses its conditioning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.data.feature_means import FeatureMeans
from wavenet_ae.data.windows import WindowReader, mixed_batches
from wavenet_ae.metrics.bitrate import NATS_PER_BIT
from wavenet_ae.models import Autoencoder, CodeModel, GenerativeModel
from wavenet_ae.randomness import keyed_permutation
from wavenet_ae.stream_names import of_stream
from wavenet_ae.types import ModelOutput

WINDOW_SECONDS = 0.5  # predicted audio per window
# Windows per batch. Activations of four stay in a CPU's caches, which is 1.5 times as fast as
# sixteen. Shuffled codes are the next item's, so those on a GPU are other items'.
BATCH_SIZE, BATCH_SIZE_OF_GPU = 4, 16


@dataclass(frozen=True)
class Likelihood:
    """Sums over the targets of U utterances, samples or frames, in nats.

    Attributes:
        names: `all` and `interior` targets, then the controls of `control_names`, whose nats are
            the increase over the model's own predictions of all targets.
        nats: `(len(names), U)` float64.
        num_targets: `(len(names), U)` int64; for `other_speaker`, only of known speakers.
    """

    names: tuple[str, ...]
    nats: np.ndarray
    num_targets: np.ndarray

    def mean(self, name: str) -> float:
        """Returns the nats per target of a name; NaN without targets."""
        row = self.names.index(name)
        count = self.num_targets[row].sum()
        return float(self.nats[row].sum() / count) if count else float("nan")

    def standard_error(self, name: str) -> float:
        """Returns the standard error of the mean over utterances; NaN with fewer than two.

        The mean is a ratio of sums (Cochran 1977, Sampling Techniques, eq. 6.13, without the
        correction for a finite population).
        """
        row = self.names.index(name)
        nats, counts = self.nats[row], self.num_targets[row]
        nats, counts = nats[counts > 0], counts[counts > 0]
        if len(counts) < 2:
            return float("nan")
        residuals = nats - self.mean(name) * counts
        return float(np.sqrt(len(counts) * residuals.var(ddof=1)) / counts.sum())

    def bits(self, name: str) -> float:
        """Returns the bits per target of a name."""
        return self.mean(name) / NATS_PER_BIT


def likelihood(
    model: GenerativeModel, corpus: PackedCorpus, rows: np.ndarray, seed: int = 0
) -> Iterator[tuple[int, Likelihood]]:
    """Computes the likelihood of utterances, batch by batch.

    Args:
        model: The model, in evaluation mode.
        corpus: The packed corpus.
        rows: `(U,)` rows of the utterances.
        seed: Key of the order of windows.

    Yields:
        After each batch, the samples predicted so far and the sums up to there; the last sums are
            the result.

    Raises:
        ValueError: If there is no utterance.
    """
    if not len(rows):
        raise ValueError("there are no utterances to predict")
    predicted = _Prediction(model, corpus, rows)
    windows = tiles(corpus.length[rows], predicted.plan.num_samples)
    order = keyed_permutation(len(windows), seed, "likelihood")
    on_cpu = model.device.type == "cpu"
    batch_size = BATCH_SIZE if on_cpu else BATCH_SIZE_OF_GPU
    for batch in mixed_batches(windows, order, batch_size):
        predicted.add(batch)
        yield predicted.num_done, predicted.sums()


def tiles(lengths: np.ndarray, num_samples: int) -> np.ndarray:
    """Returns windows that cover utterances.

    Args:
        lengths: `(U,)` samples of each utterance.
        num_samples: Samples that the targets of a window stand for.

    Returns:
        `(V, 2)`: row of the utterance, and first predicted sample.
    """
    counts = -(-lengths // num_samples)
    utterances = np.repeat(np.arange(len(lengths)), counts)
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    return np.stack([utterances, (np.arange(len(utterances)) - firsts) * num_samples], axis=1)


class _Prediction:
    """Predictions of windows of some utterances, added up."""

    def __init__(self, model: GenerativeModel, corpus: PackedCorpus, rows: np.ndarray) -> None:
        hop = int(model.hop)
        num_hops = max(1, round(WINDOW_SECONDS * model.sample_rate / hop))
        self.model, self.plan = model, model.window(num_hops * hop)
        self.margins = model.window(hop).margins  # context that the samples of one hop read
        means = None
        if isinstance(model, CodeModel) and model.encoder.features.needs_mean:
            means = FeatureMeans(model.encoder.features, corpus)
        sizes = (self.plan.slice_length, self.plan.margins)
        self.reader = WindowReader(corpus, rows, *sizes, means)
        self.lengths = corpus.length[rows]
        speakers = [corpus.speakers[speaker] for speaker in corpus.speaker[rows]]
        self.speakers = torch.tensor([model.speaker_row(each) for each in speakers])
        self.names = ("all", "interior", *control_names(model))
        self.nats = np.zeros((len(self.names), len(rows)))
        self.num_targets = np.zeros((len(self.names), len(rows)), dtype=np.int64)

    @torch.no_grad()
    def add(self, windows: np.ndarray) -> None:
        """Predicts windows `(B, 2)`, as `tiles` returns them."""
        device = self.model.device
        read = self.reader.batch(windows).to(device)
        waveform = read.waveform
        utterances, starts = windows.T
        speaker = self.speakers[utterances].to(device)
        own = self.model(waveform, speaker, self.plan, feature_mean=read.feature_mean)
        nats = _nats(own)
        each = np.arange(self.plan.num_targets) * self.plan.target_hop
        time = starts[:, None] + each  # (B, W), the first sample that each target stands for
        left, right = self.margins
        lengths = self.lengths[utterances][:, None]
        is_real, is_interior = time < lengths, (time >= left) & (time < lengths - right)
        self._count("all", utterances, nats, is_real)
        self._count("interior", utterances, nats, is_interior)
        is_known = (speaker < len(self.model.speakers)).cpu().numpy()[:, None]
        for name, other in controls(self.model, own, waveform, speaker, self.plan):
            if name.startswith("shuffled_codes") and len(windows) == 1:
                continue  # there is no other item in the batch
            counted = is_real & is_known if name == "other_speaker" else is_real
            self._count(name, utterances, _nats(other) - nats, counted)

    def _count(
        self, name: str, utterances: np.ndarray, nats: np.ndarray, counted: np.ndarray
    ) -> None:
        row = self.names.index(name)
        np.add.at(self.nats[row], utterances, np.where(counted, nats, 0).sum(axis=1))
        np.add.at(self.num_targets[row], utterances, counted.sum(axis=1))

    @property
    def num_done(self) -> int:
        return int(self.num_targets[0].sum()) * self.plan.target_hop

    def sums(self) -> Likelihood:
        return Likelihood(self.names, self.nats.copy(), self.num_targets.copy())


def _nats(output: ModelOutput) -> np.ndarray:
    """Returns the negative log-likelihood of each predicted target, `(B, W)` float64."""
    assert output.nll is not None
    return output.nll.cpu().double().numpy()


def control_names(model: GenerativeModel) -> tuple[str, ...]:
    """Returns the names of the controls in the order of `controls`.

    A model without codes has only `other_speaker`.
    """
    if not isinstance(model, Autoencoder):
        return ("other_speaker",)
    shuffled = [of_stream("shuffled_codes", each.name) for each in model.code_streams]
    return (*dict.fromkeys(["shuffled_codes", *shuffled]), "zeroed_codes", "other_speaker")


def controls(
    model: GenerativeModel, output: ModelOutput, waveform: Tensor, speaker: Tensor, plan: WindowPlan
) -> Iterator[tuple[str, ModelOutput]]:
    """Predicts windows again with something else in place of the codes or the speaker.

        shuffled_codes   with the codes, or vectors, of item b + 1 of the batch; of several streams
                         of codes, of all and of each alone
        zeroed_codes     with vectors of zeros, which no decoder has been trained on
        other_speaker    with the row of the next speaker that the model knows

    Args:
        model: The model, in evaluation mode.
        output: Its own predictions of the windows.
        waveform: `(B, T)` int16.
        speaker: `(B,)` int64.
        plan: Layout of the windows.

    Yields:
        Name and predictions of each control.
    """
    others = other_speakers(speaker, len(model.speakers))
    if not isinstance(model, Autoencoder):
        yield "other_speaker", model(waveform, others, plan)
        return
    own = output.streams
    vectors = {name: each.vectors for name, each in own.items()}
    shifted = {name: each.roll(-1, dims=0) for name, each in vectors.items()}
    yield "shuffled_codes", model.predict(own, shifted, waveform, speaker, plan)
    if len(vectors) > 1:
        for name in vectors:
            one = {**vectors, name: shifted[name]}
            control = of_stream("shuffled_codes", name)
            yield control, model.predict(own, one, waveform, speaker, plan)
    zeros = {name: torch.zeros_like(each) for name, each in vectors.items()}
    yield "zeroed_codes", model.predict(own, zeros, waveform, speaker, plan)
    yield "other_speaker", model.predict(own, vectors, waveform, others, plan)


def other_speakers(speaker: Tensor, num_speakers: int) -> Tensor:
    """Returns rows `(B,)` of the next known speakers, or of the unknown one if there is none."""
    return (speaker + 1) % max(num_speakers, 2)
