"""Evaluations in sentences: what was judged, on what, and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wavenet_ae.evaluation.formatting import cell
from wavenet_ae.evaluation.report.reading import Judged
from wavenet_ae.evaluation.report.summary import headlines

# Each is said where all that it names was found.
RESULTS = (
    "A sample's NLL is {NLL, nats/sample} nats.",
    "With another item's codes each costs {another item's codes cost} nats more.",
    "The codes carry {nominal bit/s} bit/s, {unigram bit/s} by the entropy of their use.",
    "The PNMI of its units with phones is {PNMI}; that of k-means on MFCC is {PNMI of k-means}.",
    "From what leaves the bottleneck, a linear probe names the phone of a frame in a share of "
    "{phone, from vectors}.",
    "It names the speaker of an utterance in {speaker, from latents} before the bottleneck and in "
    "{speaker, from vectors} behind it.",
    "Reconstructions are {LSD, dB} dB (LSD) from their originals.",
)


def introduction(judged: Sequence[Judged]) -> list[str]:
    sentences = [*map(_what, judged), *_on_what(judged)]
    return sentences if len(judged) > 1 else [*sentences, *_results(judged[0])]


def _what(judged: Judged) -> str:
    model = judged.model
    rate = f"{model['sample_rate']:,} samples a second"
    voices = f"{model['num_speakers']:,} {'voice' if model['num_speakers'] == 1 else 'voices'}"
    if "bottleneck" not in model:
        return f"{judged.name} predicts {rate} in {voices}; it has no codes."
    size, books = model["codebook_size"], model["num_codebooks"]
    written = f"a code of {size:,}" if size else "a vector"
    written = f"{books} codes of {size:,} each" if size and books > 1 else written
    return (
        f"{judged.name} ({model['bottleneck']}) writes speech as {written}, "
        f"{model['codes_per_second']:g} times a second, and speaks {rate} in {voices}."
    )


def _on_what(judged: Sequence[Judged]) -> Iterator[str]:
    speech = [_speech(each) for each in judged]
    if len(set(speech)) == 1:
        yield f"{'It was' if len(judged) == 1 else 'All were'} judged on {speech[0]}."
        return
    for each, own in zip(judged, speech, strict=True):
        yield f"{each.name} was judged on {own}."
    yield "The speech is not the same: what differs between models may come from that."


def _speech(judged: Judged) -> str:
    corpus = judged.corpus
    source = corpus["source"]
    kind = str(source.get("_target_", "speech")).rpartition(".")[2].removesuffix("Source")
    known = f"{corpus['split_utterances_of_known_speakers']:,} of speakers whom the model knows"
    return (
        f"{corpus['split_utterances']:,} utterances, {corpus['split_seconds'] / 60:.1f} minutes, "
        f"{known} (corpus {kind}, split {corpus['split']})"
    )


def _results(judged: Judged) -> Iterator[str]:
    row = headlines(judged)
    found = {name: text for name in row if (text := cell(row, name))}
    for sentence in RESULTS:
        try:
            yield sentence.format_map(found)
        except KeyError:
            continue
