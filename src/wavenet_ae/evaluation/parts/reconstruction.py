"""Reconstruction: utterances resynthesized from codes, kept as files and measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict

import numpy as np

from wavenet_ae.audio.io import write
from wavenet_ae.engines import Sampling, make_engine
from wavenet_ae.evaluation.part import Context, Part
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.metrics.reconstruction import (
    FEWEST_SECONDS,
    MU_LAW,
    OTHER_CODES,
    RECONSTRUCTION,
    TO_HIGHEST,
    TO_LOWEST,
    Originals,
    Resynthesis,
    choose,
    codes_of,
    plan_resyntheses,
    resynthesize,
    through_mu_law,
)
from wavenet_ae.metrics.sound_quality import (
    SoundQuality,
    means,
    missing_packages,
    sound_quality,
)
from wavenet_ae.progress import Progress

ID = "reconstruction"  # also the folder of the files
FILES = "reconstruction_files"  # table with a row for each file
ORIGINAL = "original"
KINDS = {
    RECONSTRUCTION: "reconstructed",
    OTHER_CODES: "shuffled_codes",
    TO_LOWEST: "lowest_voice",
    TO_HIGHEST: "highest_voice",
    MU_LAW: "quantized",
}


def evaluate_reconstruction(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields `reconstruction`, means by kind, and `reconstruction_files`, a row for each file.

    Writes `<out>/reconstruction/NN-<kind>.wav`.
    """
    model, config = context.autoencoder, context.config
    originals = choose(
        model, context.corpus, context.rows, config.num_utterances, config.max_seconds
    )
    sounds = list(plan_resyntheses(model, originals))
    made = _synthesized(context, originals, sounds, progress)
    for number, samples in enumerate(originals.samples):
        codes = codes_of(model, samples)
        sounds.append(Resynthesis(MU_LAW, number, codes, originals.speakers[number]))
        made.append(through_mu_law(model, samples))
        write(context.folder / _file(number, ORIGINAL), samples, model.sample_rate)
    files: list[dict[str, Value]] = []
    by_kind: dict[str, list[SoundQuality]] = {}
    for sound, samples in zip(sounds, made, strict=True):
        kind = KINDS[sound.kind]
        file = _file(sound.original, kind)
        write(context.folder / file, samples, model.sample_rate)
        quality = sound_quality(model, originals, sound, samples)
        by_kind.setdefault(kind, []).append(quality)
        about = {"kind": kind, "utterance": originals.names[sound.original], "voice": sound.voice}
        files.append({**about, "file": file, **asdict(quality)})
    yield _means(by_kind, originals, context)
    yield ResultTable(FILES, ["kind", "utterance"], files)


def _synthesized(
    context: Context, originals: Originals, sounds: Sequence[Resynthesis], progress: Progress
) -> list[np.ndarray]:
    """Returns the samples (T,) int16 of each sound."""
    model, config = context.autoencoder, context.config
    engine, sampling = make_engine(config.engine, model.decoder), Sampling(config.temperature)
    parts: list[list[np.ndarray]] = [[] for _ in sounds]
    total = sum(len(originals.samples[each.original]) for each in sounds)
    done = 0
    for chunks in resynthesize(model, originals, sounds, engine, sampling, context.seed):
        for part, chunk in zip(parts, chunks, strict=True):
            part.append(chunk)
        done += sum(len(chunk) for chunk in chunks)
        progress.at(done / total)
    return [np.concatenate(part) for part in parts]


def _file(original: int, kind: str) -> str:
    return f"{ID}/{original:02d}-{kind}.wav"


def _means(
    by_kind: dict[str, list[SoundQuality]], originals: Originals, context: Context
) -> ResultTable:
    rows = []
    for kind, qualities in by_kind.items():
        row: dict[str, Value] = {"kind": kind}
        for name, mean in means(qualities).items():
            row |= {name: mean.value, f"{name}_error": mean.error}
        rows.append(row)
    lacking = missing_packages()
    return ResultTable(
        ID,
        ["kind"],
        rows,
        metadata={
            "num_utterances": len(originals.samples),
            "max_seconds": context.config.max_seconds,
            "temperature": context.config.temperature,
            "seed": context.seed,
            "min_f0_seconds": FEWEST_SECONDS,
            **({"missing_packages": " ".join(lacking)} if lacking else {}),
        },
        notes=list(_notes(by_kind)),
    )


def _notes(kinds: Collection[str]) -> Iterator[str]:
    """Ids of remarks on sounds that could not be made."""
    if KINDS[OTHER_CODES] not in kinds:
        yield "one_utterance"
    if KINDS[TO_LOWEST] not in kinds:
        yield "no_conversion"


PART = Part(ID, order=40, needs={"codes", "audio"}, run=evaluate_reconstruction)
