"""Intelligibility: what pretrained networks measure in the files of `reconstruction`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from wavenet_ae.audio.io import read
from wavenet_ae.evaluation.labeled_corpus import of_part
from wavenet_ae.evaluation.part import Context, Part, SkipPart
from wavenet_ae.evaluation.parts.reconstruction import FILES, ORIGINAL
from wavenet_ae.evaluation.parts.reconstruction import ID as RECONSTRUCTIONS
from wavenet_ae.evaluation.results import FILE, EvaluationResult, ResultTable, Value
from wavenet_ae.labels import DamagedLabels, Segments, label_source
from wavenet_ae.metrics import pretrained
from wavenet_ae.metrics.sound_quality import mean
from wavenet_ae.progress import Progress

ID = "intelligibility"
WORDS = ".wrd"
NO_WORDS = ("", "<eps>", "<sil>", "sil", "sp", "spn", "h#")  # labels of silence and noise


@dataclass(frozen=True)
class FileQuality:
    """Metrics of one file, see `wavenet_ae.metrics.pretrained`; NaN if one cannot be computed."""

    wer: float
    cer: float
    dnsmos: float
    speaker_similarity: float


def evaluate_intelligibility(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields `intelligibility`, means by kind, and `intelligibility_files`, a row for each file.

    Raises:
        SkipPart: No reconstructions lie in the folder.
    """
    rows = _reconstructions(context.folder)
    rate = context.model.sample_rate
    originals = {str(row["utterance"]): _original(context.folder, row, rate) for row in rows}
    references, origin = _references(context, originals, rate)
    files: list[dict[str, Value]] = []
    by_kind: dict[str, list[FileQuality]] = {}
    todo = [{"kind": ORIGINAL, "utterance": each} for each in originals] + rows
    for number, row in enumerate(todo):
        kind, utterance = str(row["kind"]), str(row["utterance"])
        original, samples = originals[utterance], originals[utterance]
        if kind != ORIGINAL:
            samples = _samples(context.folder / str(row["file"]), rate)
        quality = _quality(original, samples, rate, references[utterance])
        by_kind.setdefault(kind, []).append(quality)
        files.append({"kind": kind, "utterance": utterance, **asdict(quality)})
        progress.at((number + 1) / len(todo))
    yield ResultTable(
        ID,
        ["kind"],
        [{"kind": kind, **_means(each)} for kind, each in by_kind.items()],
        metadata={"num_utterances": len(originals)},
        notes=[origin],
    )
    yield ResultTable("intelligibility_files", ["kind", "utterance"], files)


def _quality(original: np.ndarray, samples: np.ndarray, rate: int, reference: str) -> FileQuality:
    errors = pretrained.error_rates(reference, pretrained.transcribe(samples, rate))
    return FileQuality(
        wer=errors.word,
        cer=errors.character,
        dnsmos=pretrained.dnsmos(samples, rate),
        speaker_similarity=pretrained.speaker_similarity(original, samples, rate),
    )


def _means(qualities: Sequence[FileQuality]) -> dict[str, Value]:
    row: dict[str, Value] = {}
    for name in FileQuality.__dataclass_fields__:
        found = mean([getattr(each, name) for each in qualities])
        row |= {name: found.value, f"{name}_error": found.error}
    return row


def _reconstructions(folder: Path) -> list[dict[str, Value]]:
    """Rows of the files that `reconstruction` has written into the folder."""
    file = folder / FILE
    table = EvaluationResult.load(file).table(FILES) if file.is_file() else None
    if table is None or not table.rows:
        raise SkipPart("no_reconstructions")
    return [dict(row) for row in table.rows]


def _original(folder: Path, row: Mapping[str, Value], rate: int) -> np.ndarray:
    """Returns the samples (T,) int16 of the original beside a file."""
    file = folder / str(row["file"])
    number = file.name.partition("-")[0]
    return _samples(file.with_name(f"{number}-{ORIGINAL}.wav"), rate)


def _samples(file: Path, rate: int) -> np.ndarray:
    return read(file, rate, accept_constant=True).samples


def _references(
    context: Context, originals: Mapping[str, np.ndarray], rate: int
) -> tuple[dict[str, str], str]:
    """Texts of the originals, and the id of the remark on where they are from.

    They are the words of labels where every original has them, else what the recognizer reads in
    the originals themselves.
    """
    words = _words(context, originals)
    if words is None:
        recognized = {name: pretrained.transcribe(each, rate) for name, each in originals.items()}
        return recognized, "reference_recognized"
    texts = {name: _text(each, len(originals[name]) / rate) for name, each in words.items()}
    return texts, "reference_words"


def _words(context: Context, utterances: Iterable[str]) -> dict[str, Segments] | None:
    """Words of utterances by .wrd files beside their recordings; None where one has none."""
    corpus, paths = context.corpus, context.dataset.paths()
    source, rows = label_source("beside", WORDS, ""), {key: n for n, key in enumerate(corpus.keys)}
    found: dict[str, Segments] = {}
    for utterance in utterances:
        row = rows[utterance]
        recording = corpus.recordings[row]
        try:
            words = source.of(recording, paths[recording]) if recording in paths else None
        except DamagedLabels:
            return None
        if words is None:
            return None
        found[utterance] = of_part(corpus, row, words)
    return found


def _text(words: Segments, seconds: float) -> str:
    """Words of which at least half is spoken within the first seconds of a recording."""
    middles = (words.begins + words.ends) / 2
    return " ".join(
        label
        for label, middle in zip(words.labels, middles, strict=True)
        if label is not None and label.lower() not in NO_WORDS and middle < seconds
    )


PART = Part(
    ID,
    order=45,
    needs={"codes", "audio", "pretrained"},
    reads={RECONSTRUCTIONS},
    run=evaluate_intelligibility,
    is_on_cpu=True,
)
