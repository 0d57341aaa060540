"""Likelihood of whole utterances, and its increase when the conditioning is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.part import Context, Part
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.metrics.bitrate import NATS_PER_BIT
from wavenet_ae.metrics.frame_baselines import HISTORY, FrameBaselines
from wavenet_ae.metrics.likelihood import Likelihood, likelihood
from wavenet_ae.models import Autoencoder, GenerativeModel
from wavenet_ae.progress import Progress

OWN = ("all", "interior")  # samples of predictions with the right conditioning; the rest: controls


def evaluate_likelihood(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields tables `likelihood` and `ablations`; of frames, `frame_baselines` as well."""
    model, corpus, rows = context.generative_model, context.corpus, context.rows
    total = int(corpus.length[rows].sum())
    for num_done, sums in likelihood(model, corpus, rows, context.seed):
        progress.at(num_done / total)
        found = sums
    own = [
        {"samples": name, **_cells(found, name, "nll", model)}
        for name in found.names
        if name in OWN
    ]
    yield ResultTable("likelihood", ["samples"], own)
    ablations = [
        {"control": name, **_cells(found, name, "nll_increase", model)}
        for name in found.names
        if name not in OWN
    ]
    yield ResultTable("ablations", ["control"], ablations, notes=list(_notes(found)))
    if isinstance(model, Autoencoder) and model.target.num_channels is not None:
        yield _frame_baselines(model, corpus, rows, context.seed)


def _frame_baselines(
    model: Autoencoder, corpus: PackedCorpus, rows: np.ndarray, seed: int
) -> ResultTable:
    baselines = FrameBaselines(model, corpus, seed)
    found = baselines.likelihood(rows)
    cells = [{"baseline": name, **_cells(found, name, "nll", model)} for name in found.names]
    metadata = {"lag": baselines.lag, "history": HISTORY, "num_fitted": baselines.num_fitted}
    return ResultTable("frame_baselines", ["baseline"], cells, metadata=metadata)


def _notes(found: Likelihood) -> Iterator[str]:
    """Ids of remarks on controls that are not those of many utterances of known speakers."""
    counts = dict(zip(found.names, found.num_targets.sum(axis=1).tolist(), strict=True))
    if counts.get("shuffled_codes") == 0:
        yield "one_window"
    elif "shuffled_codes" in counts and found.nats.shape[1] == 1:
        yield "one_utterance_shuffled"
    if counts["other_speaker"] == 0:
        yield "no_known_speaker"


def _cells(found: Likelihood, name: str, column: str, model: GenerativeModel) -> dict[str, Value]:
    """Cells of a row; of a model of frames, nats are per frame and per value of a frame."""
    nats, error = found.mean(name), found.standard_error(name)
    count = int(found.num_targets[found.names.index(name)].sum())
    every = int(model.target.chain.grid().spacing)
    bits_per_second = nats / NATS_PER_BIT * model.sample_rate / every
    if model.target.num_channels is None:
        cells: dict[str, Value] = {
            column: nats,
            f"{column}_error": error,
            "bits_per_sample": nats / NATS_PER_BIT,
        }
        return {**cells, "bits_per_second": bits_per_second, "num_samples": count}
    frame = f"{column}_per_frame"
    cells = {frame: nats, f"{frame}_error": error}
    cells[f"{column}_per_value"] = nats / model.target.num_values
    return {**cells, "bits_per_second": bits_per_second, "num_frames": count}


PART = Part("likelihood", order=20, needs={"likelihood"}, run=evaluate_likelihood)
