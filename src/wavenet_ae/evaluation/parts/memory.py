"""Memory: how many frames back a code, a vector or a latent can be decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from wavenet_ae.audio.features import LogMel
from wavenet_ae.evaluation.part import Context, Part, SkipPart
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.labels import UNLABELED
from wavenet_ae.metrics.baselines import fitted_features, training_windows
from wavenet_ae.metrics.memory import Lags, Recall, lagged_frames, lags_of, recalled, recalls
from wavenet_ae.metrics.probe_data import ProbeCollector, choose_frames
from wavenet_ae.metrics.probes import KINDS
from wavenet_ae.metrics.representations import Representations
from wavenet_ae.models.utterance import CodeLayout
from wavenet_ae.progress import Progress
from wavenet_ae.stream_names import of_stream

MAX_CODES = 4000  # codes from which frames are decoded
ENCODING = 0.2  # about this share of the time is for the encoding
FRAMES = "frames"  # what is decoded, among the collected values
# The frame nearest to a code gives away its neighbors without any memory.
NAMES = {"log_mel": "present_frame"}
LEFT_OUT = ("mfcc",)


def evaluate_memory(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields the tables `memory_span`, and `memory` by lag."""
    streams = context.code_model.code_streams
    spans: list[dict[str, Value]] = []
    rows: list[dict[str, Value]] = []
    metadata: dict[str, Value] = {}
    for number, stream in enumerate(streams):

        def done(share: float, before: int = number) -> None:
            progress.at((before + share) / len(streams))

        found = _memory_of(context, stream.name, done)
        spans += found.spans
        rows += found.rows
        metadata = {**found.metadata, **metadata}
    keys = ["representation", "probe"]
    yield ResultTable("memory_span", keys, spans, metadata)
    yield ResultTable("memory", [*keys, "lag_ms"], rows, metadata)


@dataclass(frozen=True)
class StreamMemory:
    """Rows of both tables of one stream of codes, and what holds for them."""

    spans: list[dict[str, Value]]
    rows: list[dict[str, Value]]
    metadata: dict[str, Value]


def _memory_of(context: Context, stream: str, done: Callable[[float], None]) -> StreamMemory:
    """Measures the memory of the representations at the instants of a stream's codes.

    Raises:
        SkipPart: There are too few long utterances.
    """
    model, corpus, config = context.code_model, context.corpus, context.config
    windows = training_windows(model, corpus, config.seed)
    represent = Representations(model, model.config, windows, config.seed, stream)
    features = fitted_features(LogMel, model, [windows])
    lags, frame_length = lags_of(model, features, stream), features.chain.receptive_field

    def decodable(row: int, anchors: np.ndarray) -> np.ndarray:
        inside = lags.decodable(anchors, frame_length, int(corpus.length[row]))
        return np.where(inside, 0, UNLABELED)

    choice = choose_frames(
        corpus,
        range(len(corpus)),
        CodeLayout(model, stream),
        decodable,
        min(MAX_CODES, config.probe_frames),
        max_utterances=0,
        seed=config.seed,
    )
    if len(choice.rows) < 2:
        raise SkipPart("too_short_utterances")
    collector = ProbeCollector(corpus, choice)
    for number, row in enumerate(choice.rows):
        waveform = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))
        found = represent(waveform)
        anchors = found.encoded.anchors
        frames = np.zeros((len(anchors), len(lags.frames) * features.dim), np.float32)
        places = choice.place[choice.utterance == row]
        frames[places] = lagged_frames(features, model, waveform, anchors[places], lags)
        collector.add(row, {**found.values, FRAMES: frames})
        done(ENCODING * (number + 1) / len(choice.rows))
    data = collector.frames()
    targets = np.asarray(data.values[FRAMES])
    names = {of_stream(name, stream): of_stream(own, stream) for name, own in NAMES.items()}
    left_out = (*(of_stream(name, stream) for name in LEFT_OUT), FRAMES)
    values = {
        names.get(name, name): each for name, each in data.values.items() if name not in left_out
    }
    results = []
    for result in recalls(values, targets, len(lags.frames), data.utterance, config.seed):
        results.append(result)
        done(ENCODING + (1 - ENCODING) * len(results) / (len(values) * len(KINDS)))
    metadata: dict[str, Value] = {
        "num_codes": len(data.utterance),
        "num_eligible_codes": choice.num_eligible,
        "num_utterances": len(choice.rows),
    }
    milliseconds = 1000 * lags.hop / model.sample_rate
    spans = [_span(each, lags, milliseconds) for each in results]
    rows = [row for each in results for row in _rows(each, lags, milliseconds)]
    return StreamMemory(spans, rows, metadata)


def _span(result: Recall, lags: Lags, milliseconds: float) -> dict[str, Value]:
    past, any_read = lags.frames >= 0, bool(lags.is_read.any())
    last = recalled(result.explained[past].tolist(), lags.is_read[past].tolist())
    return {
        "representation": result.representation,
        "probe": result.kind,
        "recalled_ms": None if last is None else float(lags.frames[past][last] * milliseconds),
        "read_ms": float(lags.frames[lags.is_read].max() * milliseconds) if any_read else None,
        "explained_now": float(result.explained[lags.frames == 0][0]),
        "explained_variance": _mean(result.explained[lags.is_read]),
        "explained_unread": _mean(result.explained[~lags.is_read]),
    }


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _rows(result: Recall, lags: Lags, milliseconds: float) -> Iterator[dict[str, Value]]:
    for frame, explained, is_read in zip(lags.frames, result.explained, lags.is_read, strict=True):
        yield {
            "representation": result.representation,
            "probe": result.kind,
            "lag_ms": float(frame * milliseconds),
            "explained_variance": float(explained),
            "is_read": bool(is_read),
        }


PART = Part("memory", order=65, needs={"codes"}, run=evaluate_memory, is_on_cpu=True)
