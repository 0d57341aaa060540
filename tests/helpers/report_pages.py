"""Evaluations whose names would break a page that trusts them, with audio."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wavenet_ae.audio.io import write
from wavenet_ae.evaluation.results import FILE, EvaluationResult, ResultTable

RATE = 8000
HOSTILE = "</script><script>document.title='taken'</script><img src=\"http://a.b/c.png\">'&amp;"
LONG = "a-folder-of-recordings-without-a-single-place-to-break/" * 3
KINDS = ("reconstructed", "lowest_voice")
CODES = {
    "bottleneck": "VQVAE",
    "codes_per_second": 50.0,
    "codebook_size": 8,
    "num_codebooks": 1,
}
NUMBERS = [12_000.0, None, 0.00002, 9.5, -3.0]

SORTED = ResultTable(
    "made",
    ["name"],
    [{"name": f"row {n + 1}", "number": each} for n, each in enumerate(NUMBERS)],
)


def likelihood(nats: float) -> ResultTable:
    rows = [
        {"samples": name, "nll": nats, "nll_error": 0.02} for name in ("all", "interior", HOSTILE)
    ]
    return ResultTable("likelihood", ["samples"], rows)


def audio_files(folder: Path, utterance: str, pitch_hz: float) -> ResultTable:
    """With the files, a second each; the original is the same wherever the utterance is."""
    _tone(folder / "reconstruction" / "00-original.wav", 440.0)
    rows = []
    for number, kind in enumerate(KINDS):
        file = f"reconstruction/00-{kind}.wav"
        _tone(folder / file, pitch_hz * (number + 1))
        rows.append(
            {
                "kind": kind,
                "utterance": utterance,
                "voice": HOSTILE,
                "file": file,
                **dict.fromkeys(("lsd_db", "mcd_db", "same_codes", "pesq", "stoi"), 1234.5678),
                **dict.fromkeys(("f0_hz", "original_f0_hz", "voice_f0_hz"), pitch_hz),
            }
        )
    return ResultTable("reconstruction_files", ["kind", "utterance"], rows)


def made(
    folder: Path,
    *tables: ResultTable,
    name: str = "a",
    codes: Mapping[str, Any] = CODES,
    summary: str = "━━ part ━━\n" + "a wide line " * 9,
) -> Path:
    """An evaluation.json in `folder`."""
    described = {
        "name": name,
        "checkpoint": "nowhere/best.ckpt",
        "fingerprint": "f00",
        "sample_rate": RATE,
        "num_speakers": 2,
        "summary": summary,
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
    command = {"command": "wavenet-ae evaluate checkpoint=a", "versions": {"torch": "2"}}
    EvaluationResult(described, corpus, command, tables).save(folder)
    return folder / FILE


def _tone(path: Path, hz: float) -> None:
    seconds = np.arange(RATE) / RATE
    write(path, np.round(8000 * np.sin(2 * np.pi * hz * seconds)).astype(np.int16), RATE)
