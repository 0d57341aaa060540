"""The part of an evaluation that listens: utterances spoken again, kept as files and measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict

import numpy as np

from wavenet_ae.audio.io import write
from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.engines import Sampling, make_engine
from wavenet_ae.evaluation.config import Settings
from wavenet_ae.evaluation.progress import Progress
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.metrics.reconstruction import (
    FEWEST_SECONDS,
    MU_LAW,
    OTHER_CODES,
    TO_LOWEST,
    Originals,
    Sound,
    choose,
    planned,
    speak,
    through_mu_law,
)
from wavenet_ae.metrics.sound_quality import (
    SoundQuality,
    means,
    missing_packages,
    sound_quality,
)
from wavenet_ae.models import Autoencoder


def judge_sounds(
    model: Autoencoder,
    corpus: PackedCorpus,
    rows: np.ndarray,
    settings: Settings,
    progress: Progress,
) -> list[ResultTable]:
    """Writes `<out>/sounds/NN-<kind>.wav`; a table of means, and one of every sound."""
    originals = choose(model, corpus, rows, settings.sounds, settings.seconds)
    sounds = list(planned(model, originals))
    made = _spoken(model, originals, sounds, settings, progress)
    for number, samples in enumerate(originals.samples):
        codes = model.encode(samples, model.sample_rate)
        sounds.append(Sound(MU_LAW, number, codes, originals.speakers[number]))
        made.append(through_mu_law(model, samples))
    folder = settings.destination / "sounds"
    for number, samples in enumerate(originals.samples):
        write(folder / f"{number:02d}-original.wav", samples, model.sample_rate)
    each_row: list[dict[str, Value]] = []
    by_kind: dict[str, list[SoundQuality]] = {}
    for sound, samples in zip(sounds, made, strict=True):
        file = f"{sound.original:02d}-{_file_name(sound.kind)}.wav"
        write(folder / file, samples, model.sample_rate)
        quality = sound_quality(model, originals, sound, samples)
        by_kind.setdefault(sound.kind, []).append(quality)
        each_row.append(
            {
                "sound": sound.kind,
                "utterance": originals.names[sound.original],
                "voice": sound.voice,
                "file": f"sounds/{file}",
                **asdict(quality),
            }
        )
    return [_means(by_kind, originals, settings, model), _each(each_row)]


def _spoken(
    model: Autoencoder,
    originals: Originals,
    sounds: list[Sound],
    settings: Settings,
    progress: Progress,
) -> list[np.ndarray]:
    """(T,) int16 each."""
    engine = make_engine(settings.engine, model.decoder)
    sampling, parts = Sampling(settings.temperature), [[] for _ in sounds]  # type: ignore[var-annotated]
    total = sum(len(originals.samples[each.original]) for each in sounds)
    done = 0
    for chunks in speak(model, originals, sounds, engine, sampling, settings.seed):
        for part, chunk in zip(parts, chunks, strict=True):
            part.append(chunk)
        done += sum(len(chunk) for chunk in chunks)
        progress.at(done / total)
    return [np.concatenate(part) for part in parts]


def _file_name(kind: str) -> str:
    return kind.replace("'", "").replace(" ", "-")


def _means(
    by_kind: dict[str, list[SoundQuality]],
    originals: Originals,
    settings: Settings,
    model: Autoencoder,
) -> ResultTable:
    rows = []
    for kind, qualities in by_kind.items():
        row: dict[str, Value] = {"sound": kind}
        for name, mean in means(qualities).items():
            row |= {name: mean.value, f"{name}_error": mean.error}
        rows.append(row)
    lacking = missing_packages()
    without = f"  Without the package {' and '.join(lacking)}: pip install {' '.join(lacking)}."
    return ResultTable(
        part="sounds",
        title="Utterances spoken again from their codes",
        about=(
            f"{len(originals.samples)} utterances, the first {settings.seconds:g} s of each at "
            "most; means with standard errors over them.  LSD and MCD are distances from the "
            "original in dB; same_codes is the share of a sound's codes, heard again, that are the "
            "original's; F0 is the mean of voiced frames in Hz, beside that of the original and "
            "of the speaker in whose voice it is to be."
        )
        + (without if lacking else "")
        + "".join(f"  {each}" for each in _missing_kinds(by_kind)),
        rows=rows,
        settings={"temperature": settings.temperature, "seed": settings.seed},
    )


def _missing_kinds(by_kind: Collection[str]) -> Iterator[str]:
    """Sentences on sounds that could not be made."""
    if OTHER_CODES not in by_kind:
        yield "There is one utterance, so none is said by another one's codes: there is no control."
    if TO_LOWEST not in by_kind:
        yield (
            "Nothing is converted: no two speakers whom the model knows have "
            f"{FEWEST_SECONDS:g} s of recordings that tell their F0."
        )


def _each(rows: list[dict[str, Value]]) -> ResultTable:
    about = "One row for each file."
    return ResultTable("each_sound", "Every sound", about, rows, is_detail=True)
