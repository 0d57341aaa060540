"""Evaluations in sentences: what was evaluated, on what, and the headlines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import Formatter
from typing import Any

from wavenet_ae.errors import counted
from wavenet_ae.evaluation.headlines import headline_cells
from wavenet_ae.evaluation.report.table_words import table_words
from wavenet_ae.evaluation.report.tables import cell
from wavenet_ae.evaluation.report.words import NOTES, REASONS, spelled
from wavenet_ae.evaluation.results import EvaluationResult, ResultTable, Value

# A sentence is left out where a headline that it names was not measured.
SENTENCES = (
    "The NLL is {nll} nats per sample.",
    "It increases by {nll_increase_shuffled_codes} nats per sample with shuffled codes.",
    "The nominal bitrate of the codes is {nominal_bits_per_second} bit/s; by the entropy of their "
    "frequencies it is {unigram_bits_per_second} bit/s.",
    "The PNMI of the units with phones is {pnmi}; that of k-means on MFCC is {pnmi_kmeans_mfcc}.",
    "A linear probe of what leaves the bottleneck has an accuracy of {phone_accuracy} for the "
    "phone of a frame.",
    "For the speaker of an utterance it has {speaker_accuracy_latents} before the bottleneck and "
    "{speaker_accuracy} after it.",
    "The log-spectral distance of reconstructions from their originals is {lsd_db} dB.",
)


def introduction(results: Sequence[EvaluationResult]) -> list[str]:
    """Sentences on the models and the data; of one model, also on what was measured."""
    sentences = [*map(_model, results), *_data(results)]
    return sentences if len(results) > 1 else [*sentences, *_headlines(results[0])]


def _model(result: EvaluationResult) -> str:
    model = result.model
    rate = f"{model['sample_rate']:,} samples a second"
    voices = f"{model['num_speakers']:,} {'voice' if model['num_speakers'] == 1 else 'voices'}"
    if not result.has_codes:
        return f"{result.name} generates {rate} in {voices}; it has no codes."
    streams = result.streams.values()
    kinds = ", ".join(dict.fromkeys(each["bottleneck"] for each in streams))
    return (
        f"{result.name} ({kinds}) encodes speech as {' and '.join(map(_stream, streams))}, and "
        f"generates {rate} in {voices}."
    )


def _stream(stream: Mapping[str, Any]) -> str:
    size, books = stream["codebook_size"], stream["num_codebooks"]
    written = f"a code of {size:,}" if size else "a vector"
    written = f"{books} codes of {size:,} each" if size and books > 1 else written
    return f"{written}, {stream['codes_per_second']:g} times a second"


def _data(results: Sequence[EvaluationResult]) -> Iterator[str]:
    data = [_corpus(each) for each in results]
    if len(set(data)) == 1:
        yield f"{'It was' if len(results) == 1 else 'All were'} evaluated on {data[0]}."
        return
    for each, own in zip(results, data, strict=True):
        yield f"{each.name} was evaluated on {own}."
    yield "The data is not the same: differences between models may come from that."


def _corpus(result: EvaluationResult) -> str:
    corpus = result.corpus
    source = corpus["source"]
    kind = str(source.get("_target_", "speech")).rpartition(".")[2].removesuffix("Source")
    known = f"{corpus['split_utterances_of_known_speakers']:,} of speakers that the model knows"
    several = "utterance" if corpus["split_utterances"] == 1 else "utterances"
    return (
        f"{corpus['split_utterances']:,} {several}, {corpus['split_seconds'] / 60:.1f} minutes, "
        f"{known} (corpus {kind}, split {corpus['split']}){_shared_recordings(corpus)}"
    )


def _shared_recordings(corpus: Mapping[str, Any]) -> str:
    """Returns a remark on utterances from recordings of which other parts are in the training
    split.
    """
    count = corpus.get("split_utterances_of_training_recordings", 0)
    if not count:
        return ""
    those = "1 utterance is a part" if count == 1 else f"{count:,} utterances are parts"
    return (
        f"; {those} of recordings whose other parts are trained on, so speaker and room are not new"
    )


def _headlines(result: EvaluationResult) -> Iterator[str]:
    row = headline_cells(result)
    found = {name: text for name in row if (text := cell(row, name))}
    for sentence in SENTENCES:
        try:
            yield sentence.format_map(found)
        except KeyError:
            continue


def about(table: ResultTable) -> str:
    """Returns how a table was measured: sentences, and the rest of its metadata in parentheses."""
    words = table_words(table.id)
    templates = [*words.about, *(NOTES.get(each, spelled(each)) for each in table.notes)]
    used = {name for each in templates for name in _names(each)}
    sentences = [_filled(each, table.metadata) for each in templates]
    rest = {name: value for name, value in table.metadata.items() if name not in used}
    listed = ", ".join(f"{spelled(name)} {value}" for name, value in rest.items())
    return "  ".join([*filter(None, sentences), *([f"({listed})"] if listed else [])])


def _names(template: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(template) if name]


class _Counting(Formatter):
    """Templates in which `{number:counted NOUN}` is `1 NOUN` or `2 NOUNs`."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec.startswith("counted "):
            return counted(value, format_spec.removeprefix("counted "))
        return str(super().format_field(value, format_spec))


def _filled(template: str, values: Mapping[str, Value]) -> str:
    """Fills in a sentence; returns "" where a value that it needs is missing or of another kind."""
    if any(values.get(name) is None for name in _names(template)):
        return ""
    try:
        return _Counting().vformat(template, (), values)
    except ValueError:
        return ""


def skipped_words(skipped: Mapping[str, str]) -> list[str]:
    """Returns a sentence for each reason for which parts were skipped."""
    by_reason: dict[str, list[str]] = {}
    for part, reason in skipped.items():
        by_reason.setdefault(reason, []).append(part)
    return [
        f"Skipped {', '.join(parts)}: {REASONS.get(reason, spelled(reason))}."
        for reason, parts in by_reason.items()
    ]
