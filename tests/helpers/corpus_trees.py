"""Small trees that are laid out as the corpora that torchaudio downloads, and archives of them."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from wavenet_ae.data import corpora


def speech(path: Path, rate: int, seed: int) -> None:
    """A third of a second of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).integers(-9000, 9000, rate // 3 + seed)
    soundfile.write(path, samples.astype(np.int16), rate, subtype="PCM_16")


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def librispeech(root: Path, subset: str = "train-clean-100", readers: tuple[int, ...] = (103, 87)):
    for reader in readers:
        folder = root / "LibriSpeech" / subset / str(reader) / "1240"
        names = [f"{reader}-1240-{number:04d}" for number in range(2)]
        for number, name in enumerate(names):
            speech(folder / f"{name}.flac", 16000, reader + number)
        lines = "".join(f"{name} CHAPTER ONE\n" for name in names)
        text(folder / f"{reader}-1240.trans.txt", lines)
    text(root / "LibriSpeech" / "SPEAKERS.TXT", "103 | F\n")


def libritts(root: Path, subset: str = "train-clean-100") -> None:
    for reader in (103, 87):
        folder = root / "LibriTTS" / subset / str(reader) / "1241"
        name = f"{reader}_1241_000000_000001"
        speech(folder / f"{name}.wav", 24000, reader)
        for kind in ("original", "normalized"):
            text(folder / f"{name}.{kind}.txt", "matthew Cuthbert is surprised")
        text(folder / f"{reader}_1241.trans.tsv", f"{name}\tmatthew\tmatthew\n")
    text(root / "LibriTTS" / "SPEAKERS.txt", "103 | F\n")


def vctk(root: Path) -> None:
    """p315 lacks its texts, p280 the second microphone, p362 one recording."""
    home = root / "VCTK-Corpus-0.92"
    for seed, speaker in enumerate(("p225", "p280", "p315", "p362", "s5")):
        for utterance in ("001", "002"):
            if speaker != "p315":
                text(home / "txt" / speaker / f"{speaker}_{utterance}.txt", "Please call Stella.\n")
            for mic in ("mic1", "mic2"):
                path = (
                    home / "wav48_silence_trimmed" / speaker / f"{speaker}_{utterance}_{mic}.flac"
                )
                if (speaker, mic) != ("p280", "mic2") and (speaker, utterance) != ("p362", "002"):
                    speech(path, 48000, seed)
    text(home / "speaker-info.txt", "ID AGE GENDER\n")


LJSPEECH = [f"LJ{chapter:03d}-{number:04d}" for chapter in (1, 2, 50) for number in (1, 2)]


def ljspeech(root: Path) -> None:
    for seed, name in enumerate(LJSPEECH):
        speech(root / "LJSpeech-1.1" / "wavs" / f"{name}.wav", 22050, seed)
    lines = "".join(f'{name}|Printing, "the|Printing, "the\n' for name in LJSPEECH)
    text(root / "LJSpeech-1.1" / "metadata.csv", lines)


def speechcommands(root: Path) -> None:
    home = root / "SpeechCommands" / "speech_commands_v0.02"
    names = ["bed/0a_nohash_0", "bed/0b_nohash_0", "cat/0a_nohash_0", "cat/0a_nohash_1"]
    names += ["cat/0c_nohash_0", "_background_noise_/pink_noise"]
    for seed, name in enumerate(names):
        speech(home / f"{name}.wav", 16000, seed)
    text(home / "validation_list.txt", "bed/0b_nohash_0.wav\n")
    text(home / "testing_list.txt", "cat/0c_nohash_0.wav\n")


@dataclass(frozen=True)
class Corpus:
    """build makes the tree below a root; archived is the folder that its archive holds the content
    of; speakers are those of the keys that the source must list."""

    source: Callable[..., Any]
    build: Callable[[Path], None]
    archive: str
    archived: str
    folder: str
    speakers: dict[str, str]


CORPORA = {
    "librispeech": Corpus(
        corpora.LibriSpeechSource,
        librispeech,
        "train-clean-100.tar.gz",
        ".",
        "LibriSpeech/train-clean-100",
        {
            f"train-clean-100/{reader}/1240/{reader}-1240-000{number}.flac": str(reader)
            for reader in (103, 87)
            for number in (0, 1)
        },
    ),
    "libritts": Corpus(
        corpora.LibriTTSSource,
        libritts,
        "train-clean-100.tar.gz",
        ".",
        "LibriTTS/train-clean-100",
        {
            f"train-clean-100/{reader}/1241/{reader}_1241_000000_000001.wav": str(reader)
            for reader in (103, 87)
        },
    ),
    "vctk": Corpus(
        corpora.VCTKSource,
        vctk,
        "VCTK-Corpus-0.92.zip",
        "VCTK-Corpus-0.92",
        "VCTK-Corpus-0.92",
        {
            f"wav48_silence_trimmed/{name[:-4]}/{name}_mic2.flac": name[:-4]
            for name in ("p225_001", "p225_002", "p362_001", "s5_001", "s5_002")
        },
    ),
    "ljspeech": Corpus(
        corpora.LJSpeechSource,
        ljspeech,
        "LJSpeech-1.1.tar.bz2",
        ".",
        "LJSpeech-1.1",
        {f"wavs/{name}.wav": "LJ" for name in LJSPEECH},
    ),
    "speechcommands": Corpus(
        corpora.SpeechCommandsSource,
        speechcommands,
        "speech_commands_v0.02.tar.gz",
        "SpeechCommands/speech_commands_v0.02",
        "SpeechCommands/speech_commands_v0.02",
        {
            f"speech_commands_v0.02/{name}.wav": name[4:6]
            for name in (
                *("bed/0a_nohash_0", "bed/0b_nohash_0", "cat/0a_nohash_0"),
                *("cat/0a_nohash_1", "cat/0c_nohash_0"),
            )
        },
    ),
}


def pack_archive(corpus: Corpus, origin: Path, place: Path) -> None:
    """The corpus built below `origin` as the archive that its publishers offer."""
    top = origin / corpus.archived
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w") as archive:
            for path in sorted(top.rglob("*")):
                archive.write(path, path.relative_to(top))
        return
    with tarfile.open(place, f"w:{place.suffix[1:]}") as archive:
        archive.add(top, ".")
