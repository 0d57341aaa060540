"""Audio on a page: the original, reconstruction and conversions of an utterance side by side, each
embedded."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wavenet_ae.evaluation.report.tables import cell, shown_columns
from wavenet_ae.evaluation.report.words import cell_words, heading
from wavenet_ae.evaluation.results import EvaluationResult, Value

TABLE = "reconstruction_files"
ORIGINAL, RECONSTRUCTED = "original", "reconstructed"
NOT_MEASURED = {"kind", "utterance", "voice", "file", "original_f0_hz"}


@dataclass(frozen=True)
class Player:
    """One file.

    Attributes:
        kind: What it is, in words.
        voice: Speaker whose voice it has.
        audio: A data: URI, or empty where the file is gone.
        metrics: Headings and cells.
    """

    kind: str
    voice: str
    audio: str
    metrics: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Utterance:
    """The players of each model by its name."""

    name: str
    players: dict[str, list[Player]] = field(default_factory=dict)


def utterances(results: Sequence[EvaluationResult]) -> list[Utterance]:
    """Utterances with the players of all models; equal audio, such as the original, only once."""
    found: dict[str, Utterance] = {}
    for each in results:
        table = each.table(TABLE)
        by_name: dict[str, list[Mapping[str, Value]]] = {}
        for row in table.rows if table else ():
            by_name.setdefault(str(row["utterance"]), []).append(row)
        for name, rows in by_name.items():
            utterance = found.setdefault(name, Utterance(name))
            before = {one.audio for players in utterance.players.values() for one in players}
            folder = each.folder or Path()
            players = [_original(folder, rows), *(_player(folder, row) for row in rows)]
            utterance.players[each.name] = [
                one for one in players if not one.audio or one.audio not in before
            ]
    return list(found.values())


def _original(folder: Path, rows: Sequence[Mapping[str, Value]]) -> Player:
    """Returns the original, whose file lies beside the others: reconstruction/00-original.wav."""
    own = next((row for row in rows if row["kind"] == RECONSTRUCTED), rows[0])
    path = Path(str(own["file"]))
    file = path.with_name(f"{path.name.partition('-')[0]}-{ORIGINAL}.wav")
    f0 = cell({"f0_hz": own.get("original_f0_hz")}, "f0_hz")
    metrics = [(heading("f0_hz"), f0)] if f0 else []
    return Player(ORIGINAL, str(own["voice"]), _audio(folder, file), metrics)


def _player(folder: Path, row: Mapping[str, Value]) -> Player:
    measured = [name for name in shown_columns(row) if name not in NOT_MEASURED]
    return Player(
        kind=cell_words("kind", str(row["kind"])),
        voice=str(row["voice"]),
        audio=_audio(folder, Path(str(row["file"]))),
        metrics=[(heading(name), text) for name in measured if (text := cell(row, name))],
    )


def _audio(folder: Path, file: Path) -> str:
    """Embeds audio of the evaluation's own folder, and nothing outside it that its JSON names."""
    path = (folder / file).resolve()
    if path.suffix != ".wav" or not path.is_relative_to(folder.resolve()) or not path.is_file():
        return ""
    return f"data:audio/wav;base64,{b64encode(path.read_bytes()).decode()}"
