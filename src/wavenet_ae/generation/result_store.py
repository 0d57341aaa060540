"""A `.json` beside each result says what it was made of and how; it is written last.

So a result with its `.json` is complete, and is not made again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wavenet_ae.audio.io import replacing
from wavenet_ae.errors import UserError
from wavenet_ae.generation.utterances import Utterance
from wavenet_ae.provenance import this_command

PARTIAL = re.compile(r"\..+\.[0-9a-f]{32}\.partial")  # of audio.files.replacing


class Provenance:
    """Of the results of one command in one folder.

    suffix   of the results
    decides  what a result depends on, beside its utterance: another value makes another result
    how      what else is to be remembered
    """

    def __init__(
        self, folder: Path, suffix: str, decides: Mapping[str, Any], how: Mapping[str, Any]
    ) -> None:
        self.folder, self.suffix, self.decides = folder, suffix, dict(decides)
        self.how = {**how, **this_command()}

    def result(self, utterance: Utterance) -> Path:
        return self.folder / f"{utterance.name}{self.suffix}"

    def card(self, utterance: Utterance) -> Path:
        return self.folder / f"{utterance.name}.json"

    def is_done(self, utterance: Utterance, voice: str | None) -> bool:
        """Whether it is there, complete, and made with these settings."""
        there = self._read(utterance)
        return bool(there) and not self._differences(there, utterance, voice)

    def require_same(self, utterances: Sequence[Utterance], voices: Sequence[str | None]) -> None:
        """UserError where a result is there that was made with other settings."""
        for utterance, voice in zip(utterances, voices, strict=True):
            there = self._read(utterance)
            if there and (found := self._differences(there, utterance, voice)):
                raise UserError(
                    f"{self.result(utterance)} is there and was made with other settings: "
                    f"{'; '.join(found)}.  Give another out=, or overwrite=true"
                )

    def require_no_input_replaced(self, utterances: Sequence[Utterance]) -> None:
        inputs = {Path(each.origin).resolve() for each in utterances}
        for utterance in utterances:
            if (result := self.result(utterance)).resolve() in inputs:
                raise UserError(f"{result} is an input and would be replaced: give another out=")

    def remove_unfinished(self, utterances: Sequence[Utterance]) -> None:
        """Remove what a killed command was writing in the folders of results."""
        for folder in {self.folder, *(self.result(each).parent for each in utterances)}:
            for partial in folder.glob(".*.partial"):
                if PARTIAL.fullmatch(partial.name):
                    partial.unlink(missing_ok=True)

    def forget(self, utterance: Utterance) -> None:
        """Before a result is replaced."""
        self.card(utterance).unlink(missing_ok=True)

    def write(
        self, utterance: Utterance, voice: str | None, took: float, audio_seconds: float
    ) -> None:
        """Once the result is complete; `took` in seconds."""
        content = {
            **self._decided(utterance, voice),
            "origin": utterance.origin,
            **self.how,
            "seconds_taken": round(took, 3),
            "audio_seconds": audio_seconds,
            "times_real_time": round(audio_seconds / took, 4) if took else None,
        }
        with replacing(self.card(utterance)) as file:
            file.write(json.dumps(content, indent=2).encode() + b"\n")

    def all_there(self) -> list[tuple[str, str | None]]:
        """Name and speaker of each complete result in the folder, also of earlier commands."""
        found = []
        for card in self.folder.rglob("*.json"):
            said = json.loads(card.read_bytes())
            if "utterance" in said and card.with_name(card.stem + self.suffix).is_file():
                found.append((said["utterance"], said["speaker"]))
        return sorted(found)

    def _decided(self, utterance: Utterance, voice: str | None) -> dict[str, Any]:
        own = {"utterance": utterance.name, "input_sha256": utterance.digest, "speaker": voice}
        return {**self.decides, **own}

    def _read(self, utterance: Utterance) -> dict[str, Any]:
        """{} where there is no complete result."""
        card = self.card(utterance)
        if not (card.is_file() and self.result(utterance).is_file()):
            return {}
        try:
            return {"utterance": None, **json.loads(card.read_bytes())}
        except (ValueError, TypeError):
            raise UserError(f"{card} is not what this program writes: give another out=") from None

    def _differences(
        self, there: dict[str, Any], utterance: Utterance, voice: str | None
    ) -> list[str]:
        return [
            f"{key} was {_short(there.get(key))}, now {_short(value)}"
            for key, value in self._decided(utterance, voice).items()
            if there.get(key) != value
        ]


def _short(value: Any) -> str:
    text = str(value)
    return text[:12] if isinstance(value, str) and len(text) == 64 else text
