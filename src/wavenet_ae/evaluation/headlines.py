"""The numbers that matter most of an evaluation: one line a model, comparable between models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wavenet_ae.evaluation.results import ERROR, HIGH, LOW, Estimate, EvaluationResult, Value
from wavenet_ae.stream_names import ONLY_STREAM, of_stream


@dataclass(frozen=True)
class Headline:
    """A number of a result.

    Attributes:
        id: Its name among the headlines.
        metric: `table.column`.
        keys: Keys of its row; without any, the first row, which is about the model itself.
        is_lower_better: None where neither direction is better by itself.
        stream_key: Key that names the stream of codes where the model has several, each of which
            has this headline; None where the headline is about all of them together.
        is_of_some: Whether the table has the column for some models only.
    """

    id: str
    metric: str
    keys: Mapping[str, Value] = field(default_factory=dict)
    is_lower_better: bool | None = False
    stream_key: str | None = None
    is_of_some: bool = False

    def of(self, result: EvaluationResult, stream: str) -> Estimate | None:
        """Returns the number of a stream of codes, None where it was not measured."""
        keys = dict(self.keys)
        id, _, column = self.metric.partition(".")
        table = result.table(id)
        if self.is_of_some and table is not None and column not in table.columns:
            return None
        if self.stream_key is not None and stream != ONLY_STREAM:
            own = self.keys.get(self.stream_key)
            keys[self.stream_key] = (
                _first_of(result, self.metric, self.stream_key, stream)
                if own is None
                else of_stream(str(own), stream)
            )
        return result.estimate(self.metric, **keys)


def _probing(id: str, task: str, representation: str) -> Headline:
    keys = {"task": task, "representation": representation, "probe": "linear"}
    return Headline(id, "probing.accuracy", keys, stream_key="representation")


def _first_of(result: EvaluationResult, metric: str, key: str, stream: str) -> Value:
    """Returns the key of the first row of a table that is about a stream."""
    table = result.table(metric.partition(".")[0])
    keys = [row[key] for row in table.rows] if table is not None else []
    return next((each for each in keys if str(each).endswith(f"/{stream}")), None)


def _bitrate(id: str, estimate: str) -> Headline:
    return Headline(id, "bitrate.bits_per_second", {"estimate": estimate}, None)


HEADLINES = (
    Headline("nll", "likelihood.nll", {"samples": "all"}, True, is_of_some=True),
    Headline(
        "nll_increase_shuffled_codes",
        "ablations.nll_increase",
        {"control": "shuffled_codes"},
        is_of_some=True,
    ),
    Headline(
        "nll_per_frame", "likelihood.nll_per_frame", {"samples": "all"}, True, is_of_some=True
    ),
    Headline(
        "nll_per_frame_increase_shuffled_codes",
        "ablations.nll_increase_per_frame",
        {"control": "shuffled_codes"},
        is_of_some=True,
    ),
    _bitrate("nominal_bits_per_second", "nominal"),
    _bitrate("unigram_bits_per_second", "unigram"),
    _bitrate("kl_bits_per_second", "kl"),
    Headline("pnmi", "units.pnmi", stream_key="system"),
    Headline("pnmi_kmeans_mfcc", "units.pnmi", {"system": "kmeans_mfcc"}, stream_key="system"),
    Headline("boundary_r_value", "boundaries.r_value", stream_key="system"),
    _probing("phone_accuracy", "phone", "vectors"),
    _probing("speaker_accuracy_latents", "speaker_of_utterance", "latents"),
    _probing("speaker_accuracy", "speaker_of_utterance", "vectors"),
    Headline(
        "abx_error",
        "abx.error_across_speakers",
        {"representation": "vectors", "distance": "angular", "context": "within"},
        True,
        "representation",
    ),
    Headline("lsd_db", "reconstruction.lsd_db", {"kind": "reconstructed"}, True),
    Headline("mcd_db", "reconstruction.mcd_db", {"kind": "reconstructed"}, True),
    Headline("cer", "intelligibility.cer", {"kind": "reconstructed"}, True),
)


def headlines(result: EvaluationResult) -> dict[str, Estimate]:
    """Headlines that were measured, by their ids; those of one of several streams have its name."""
    found: dict[str, Estimate] = {}
    for each in HEADLINES:
        streams = [*result.streams] if each.stream_key is not None else []
        for stream in streams or [ONLY_STREAM]:
            if (estimate := each.of(result, stream)) is not None:
                found[of_stream(each.id, stream)] = estimate
    return found


def headline_cells(result: EvaluationResult) -> dict[str, Value]:
    """Cells of the headlines by their ids, with errors and limits."""
    cells: dict[str, Value] = {}
    for id, found in headlines(result).items():
        cells |= {id: found.value, id + ERROR: found.error}
        if found.low is not None:
            cells |= {id + LOW: found.low, id + HIGH: found.high}
    return cells
