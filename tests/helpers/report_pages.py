"""Evaluations whose names would break a page that trusts them, with sounds that can be heard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wavenet_ae.audio.io import write
from wavenet_ae.evaluation.config import FILE
from wavenet_ae.evaluation.parts.likelihood import WORDS
from wavenet_ae.evaluation.results import Evaluation, ResultTable

RATE = 8000
HOSTILE = "</script><script>document.title='taken'</script><img src=\"http://a.b/c.png\">'&amp;"
LONG = "a-folder-of-recordings-without-a-single-place-to-break/" * 3
SOUNDS = ("reconstruction", "to the lowest voice")
CODES = {
    "bottleneck": "VQVAE",
    "codes_per_second": 50.0,
    "codebook_size": 8,
    "num_codebooks": 1,
}
NUMBERS = [12_000.0, None, 0.00002, 9.5, -3.0]

SORTED = ResultTable(
    "made",
    "Numbers to sort",
    "Made up.",
    [{"name": f"row {n + 1}", "figure": each} for n, each in enumerate(NUMBERS)],
)


def likelihood(nats: float) -> ResultTable:
    rows = [
        {"figure": words, "nats_per_sample": nats, "nats_per_sample_error": 0.02}
        for words in WORDS.values()
    ]
    return ResultTable("likelihood", "How well it predicts", "Nats.", rows)


def each_sound(folder: Path, utterance: str, pitch_hz: float) -> ResultTable:
    """With its files, a second each; the original is the same wherever the utterance is."""
    _tone(folder / "sounds" / "00-original.wav", 440.0)
    rows = []
    for number, sound in enumerate(SOUNDS):
        file = f"sounds/00-{sound.replace(' ', '-')}.wav"
        _tone(folder / file, pitch_hz * (number + 1))
        rows.append(
            {
                "sound": sound,
                "utterance": utterance,
                "voice": HOSTILE,
                "file": file,
                **dict.fromkeys(("lsd_db", "mcd_db", "same_codes", "pesq", "stoi"), 1234.5678),
                **dict.fromkeys(("f0_hz", "original_f0_hz", "voice_f0_hz"), pitch_hz),
            }
        )
    return ResultTable("each_sound", "Every sound", "One row each.", rows, is_detail=True)


def made(
    folder: Path,
    *findings: ResultTable,
    name: str = "a",
    codes: Mapping[str, Any] = CODES,
    card: str = "━━ part ━━\n" + "a wide card " * 9,
) -> Path:
    """An evaluation.json in `folder`."""
    described = {
        "name": name,
        "checkpoint": "nowhere/best.ckpt",
        "fingerprint": "f00",
        "sample_rate": RATE,
        "num_speakers": 2,
        "card": card,
        **codes,
    }
    corpus = {
        "fingerprint": "c0",
        "source": {"_target_": "sources.FolderSource", "root": LONG},
        "split": "validation",
        "split_utterances": 3,
        "split_seconds": 90.0,
        "split_utterances_of_known_speakers": 2,
    }
    command = {"command": "evaluate.py checkpoint=a", "versions": {"torch": "2"}}
    Evaluation(described, corpus, command, list(findings)).write(folder / FILE)
    return folder / FILE


def _tone(path: Path, hz: float) -> None:
    seconds = np.arange(RATE) / RATE
    write(path, np.round(8000 * np.sin(2 * np.pi * hz * seconds)).astype(np.int16), RATE)
