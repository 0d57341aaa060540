"""Likelihood of whole utterances, and its increase when the conditioning is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from wavenet_ae.evaluation.part import Context, Part
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.metrics.bitrate import NATS_PER_BIT
from wavenet_ae.metrics.likelihood import Likelihood, likelihood
from wavenet_ae.progress import Progress

OWN = ("all", "interior")  # samples of predictions with the right conditioning; the rest: controls


def evaluate_likelihood(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields tables `likelihood` and `ablations`."""
    model, corpus, rows = context.generative_model, context.corpus, context.rows
    total = int(corpus.length[rows].sum())
    for num_done, sums in likelihood(model, corpus, rows, context.seed):
        progress.at(num_done / total)
        found = sums
    own = [
        {"samples": name, **_cells(found, name, "nll", model.sample_rate)}
        for name in found.names
        if name in OWN
    ]
    yield ResultTable("likelihood", ["samples"], own)
    ablations = [
        {"control": name, **_cells(found, name, "nll_increase", model.sample_rate)}
        for name in found.names
        if name not in OWN
    ]
    yield ResultTable("ablations", ["control"], ablations, notes=list(_notes(found)))


def _notes(found: Likelihood) -> Iterator[str]:
    """Ids of remarks on controls that are not those of many utterances of known speakers."""
    counts = dict(zip(found.names, found.num_samples.sum(axis=1).tolist(), strict=True))
    if counts.get("shuffled_codes") == 0:
        yield "one_window"
    elif "shuffled_codes" in counts and found.nats.shape[1] == 1:
        yield "one_utterance_shuffled"
    if counts["other_speaker"] == 0:
        yield "no_known_speaker"


def _cells(found: Likelihood, name: str, column: str, sample_rate: int) -> dict[str, Value]:
    nats = found.mean(name)
    return {
        column: nats,
        f"{column}_error": found.standard_error(name),
        "bits_per_sample": nats / NATS_PER_BIT,
        "bits_per_second": nats / NATS_PER_BIT * sample_rate,
        "num_samples": int(found.num_samples[found.names.index(name)].sum()),
    }


PART = Part("likelihood", order=20, needs={"likelihood"}, run=evaluate_likelihood)
