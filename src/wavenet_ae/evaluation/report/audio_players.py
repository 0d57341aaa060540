"""Sounds as a page has them: an utterance's original, reconstruction and conversions side by side,
each embedded."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wavenet_ae.evaluation.formatting import cell, heading, own_columns
from wavenet_ae.evaluation.report.reading import Judged
from wavenet_ae.evaluation.results import Value
from wavenet_ae.metrics.reconstruction import RECONSTRUCTION

PART = "each_sound"
ORIGINAL = "original"
NOT_MEASURED = {"sound", "utterance", "voice", "file", "original_f0_hz"}


@dataclass(frozen=True)
class Player:
    """`audio` is a data: URI, or empty where the file is gone."""

    sound: str
    voice: str
    audio: str
    figures: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Utterance:
    """The players of each model by its name."""

    name: str
    players: dict[str, list[Player]] = field(default_factory=dict)


def utterances(judged: Sequence[Judged]) -> list[Utterance]:
    """Those of several models that are of one utterance stand together; what is the same sound,
    such as the original, only once."""
    found: dict[str, Utterance] = {}
    for each in judged:
        part = each.part(PART)
        by_name: dict[str, list[Mapping[str, Value]]] = {}
        for row in part.rows if part else ():
            by_name.setdefault(str(row["utterance"]), []).append(row)
        for name, rows in by_name.items():
            utterance = found.setdefault(name, Utterance(name))
            heard = {one.audio for players in utterance.players.values() for one in players}
            players = [_original(each.folder, rows), *(_player(each.folder, row) for row in rows)]
            utterance.players[each.name] = [
                one for one in players if not one.audio or one.audio not in heard
            ]
    return list(found.values())


def _original(folder: Path, rows: Sequence[Mapping[str, Value]]) -> Player:
    """Its file stands beside those of its sounds: sounds/00-original.wav."""
    own = next((row for row in rows if row["sound"] == RECONSTRUCTION), rows[0])
    sound = Path(str(own["file"]))
    file = sound.with_name(f"{sound.name.partition('-')[0]}-{ORIGINAL}.wav")
    f0 = cell({"f0_hz": own.get("original_f0_hz")}, "f0_hz")
    figures = [(heading("f0_hz"), f0)] if f0 else []
    return Player(ORIGINAL, str(own["voice"]), _audio(folder, file), figures)


def _player(folder: Path, row: Mapping[str, Value]) -> Player:
    measured = [name for name in own_columns(row) if name not in NOT_MEASURED]
    return Player(
        sound=str(row["sound"]),
        voice=str(row["voice"]),
        audio=_audio(folder, Path(str(row["file"]))),
        figures=[(heading(name), text) for name in measured if (text := cell(row, name))],
    )


def _audio(folder: Path, file: Path) -> str:
    """Nothing outside the evaluation's own folder is embedded, whatever its JSON names."""
    path = (folder / file).resolve()
    if path.suffix != ".wav" or not path.is_relative_to(folder.resolve()) or not path.is_file():
        return ""
    return f"data:audio/wav;base64,{b64encode(path.read_bytes()).decode()}"
