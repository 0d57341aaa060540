"""Frames whose k-means clusters are baselines: of MFCC, normalized in several ways, and untrained.

    kmeans_mfcc             the frame nearest to each code, as it is
    kmeans_mfcc_utterance   mean of a code's frames, minus the mean of the utterance
    kmeans_mfcc_speaker     mean of a code's frames, mean and deviation those of the speaker
    kmeans_mfcc_averaged    like kmeans_mfcc_utterance, of frames that are averaged over 5 of them
    kmeans_random_encoder   latents of an untrained model, if the encoder has weights

The first one knows nothing of channel and speaker, and flickers; the others gain by that alone. An
untrained stack of convolutions gains too, since it averages over its receptive field. A model
should be compared with the best of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wavenet_ae.audio.features import MFCC
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.metrics.baselines import (
    fitted_features,
    frames_at,
    random_model,
    training_windows,
)
from wavenet_ae.metrics.representations import anchors_inside, encode_with_anchors
from wavenet_ae.models import CodeModel
from wavenet_ae.models.utterance import CodeLayout
from wavenet_ae.randomness import keyed_permutation
from wavenet_ae.stream_names import ONLY_STREAM

KMEANS_MFCC = "kmeans_mfcc"
UTTERANCE, SPEAKER = "kmeans_mfcc_utterance", "kmeans_mfcc_speaker"
AVERAGED, UNTRAINED = "kmeans_mfcc_averaged", "kmeans_random_encoder"
AVERAGED_FRAMES = 5
# From which the mean and deviation of a speaker are taken, at most: enough for both, and bounded.
SPEAKER_UTTERANCES = 5


@dataclass(frozen=True)
class Utterance:
    """An utterance to describe.

    Attributes:
        row: Its row in the corpus.
        waveform: `(T,)` int16.
        anchors: `(N,)` samples at which its codes stand.
    """

    row: int
    waveform: Tensor
    anchors: np.ndarray


class BaselineFrames:
    """Frames of utterances for each baseline, at the instants of the codes.

    Args:
        model: The model, whose codes say where frames are, in evaluation mode.
        corpus: All utterances.
        seed: Key of what is random.
        config: Configuration that the model was built from; None for `kmeans_mfcc` alone.
        stream: Name of the stream of codes at whose instants the frames are.

    Attributes:
        names: The baselines, `kmeans_mfcc` first.
    """

    def __init__(
        self,
        model: CodeModel,
        corpus: PackedCorpus,
        seed: int,
        config: Mapping[str, Any] | None = None,
        stream: str = ONLY_STREAM,
    ) -> None:
        self.model, self.corpus, self.seed, self.stream = model, corpus, seed, stream
        windows = training_windows(model, corpus, seed)
        self.mfcc = fitted_features(MFCC, model, [windows])
        self.untrained: CodeModel | None = None
        self.names = [KMEANS_MFCC]
        if config is not None:
            self.names += [UTTERANCE, SPEAKER, AVERAGED]
            if any(True for _ in model.encoder.parameters()):
                self.untrained = random_model(config, model, windows, seed)
                self.names.append(UNTRAINED)
        # a code's own frames, and these averaged over AVERAGED_FRAMES
        hop = model.stream(stream).hop
        per_code = max(1, round(hop / self.mfcc.chain.grid().spacing))
        self.own = np.full(per_code, 1 / per_code)
        self.averaging = np.convolve(self.own, np.full(AVERAGED_FRAMES, 1 / AVERAGED_FRAMES))
        self._statistics: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # by speaker

    def of(self, utterance: Utterance) -> dict[str, np.ndarray]:
        """Returns the frames `(N, C)` of an utterance by the name of the baseline."""
        found = {KMEANS_MFCC: self._mfcc(utterance)}
        if len(self.names) > 1:
            own, averaged = (self._mfcc(utterance, each) for each in (self.own, self.averaging))
            mean, deviation = self._of_speaker(int(self.corpus.speaker[utterance.row]))
            found[UTTERANCE] = own - own.mean(axis=0)
            found[SPEAKER] = (own - mean) / deviation
            found[AVERAGED] = averaged - averaged.mean(axis=0)
        if self.untrained is not None:
            encoded = encode_with_anchors(self.untrained, utterance.waveform, self.stream)
            found[UNTRAINED] = encoded.latents
        return found

    def _mfcc(self, utterance: Utterance, weights: np.ndarray | None = None) -> np.ndarray:
        return frames_at(self.mfcc, self.model, utterance.waveform, utterance.anchors, weights)

    def _of_speaker(self, speaker: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the mean and the standard deviation (C,) of a speaker's frames."""
        if speaker not in self._statistics:
            rows = np.flatnonzero(np.asarray(self.corpus.speaker) == speaker)
            order = keyed_permutation(len(rows), self.seed, "speaker statistics")
            some = [self._utterance(int(row)) for row in rows[order][:SPEAKER_UTTERANCES]]
            frames = np.concatenate([self._mfcc(each, self.own) for each in some])
            deviation = frames.std(axis=0)
            self._statistics[speaker] = frames.mean(axis=0), np.where(deviation > 0, deviation, 1)
        return self._statistics[speaker]

    def _utterance(self, row: int) -> Utterance:
        length = int(self.corpus.length[row])
        waveform = torch.from_numpy(self.corpus.read(row, 0, length))
        return Utterance(row, waveform, anchors_inside(CodeLayout(self.model, self.stream), length))
