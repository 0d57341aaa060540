"""Results with their provenance: a `.json` beside each says what it was made of and how.

The `.json` is written last, so that a result that has one is complete and is not made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError
from wavenet_ae.generation.utterances import Utterance
from wavenet_ae.provenance import this_command
from wavenet_ae.reading import read_json
from wavenet_ae.storage import remove_unfinished, write_bytes


class ResultStore:
    """The results of one command in one folder.

    Args:
        folder: Where.
        suffix: Ending of the results' files.
        parts: Folders, within that of the results, in which the files of a result lie; one result
            has a file in each.
        decides: What a result depends on beside its utterance and speaker: another value makes
            another result.
        how: What else to keep about the results.
    """

    def __init__(
        self,
        folder: Path,
        suffix: str,
        decides: Mapping[str, Any],
        how: Mapping[str, Any],
        parts: Sequence[str] = ("",),
    ) -> None:
        self.folder, self.suffix, self.decides = folder, suffix, dict(decides)
        self.parts = tuple(parts)
        self.how = {**how, **this_command()}

    def file(self, utterance: Utterance, part: str | None = None) -> Path:
        """Returns the file of a result in one of the parts; None: in the first."""
        place = self.parts[0] if part is None else part
        return self.folder / place / f"{utterance.name}{self.suffix}"

    def files(self, utterance: Utterance) -> list[Path]:
        """Returns the files of a result."""
        return [self.file(utterance, part) for part in self.parts]

    def record_file(self, utterance: Utterance) -> Path:
        """Returns the `.json` beside a result."""
        return self.folder / f"{utterance.name}.json"

    def is_done(self, utterance: Utterance, speaker: str | None) -> bool:
        """Returns whether a result exists, is complete, and was made with these settings."""
        existing = self._read(utterance)
        return bool(existing) and not self._differences(existing, utterance, speaker)

    def require_same(self, utterances: Sequence[Utterance], speakers: Sequence[str | None]) -> None:
        """Raises UserError where a result exists that was made with other settings."""
        for utterance, speaker in zip(utterances, speakers, strict=True):
            existing = self._read(utterance)
            if existing and (found := self._differences(existing, utterance, speaker)):
                raise UserError(
                    f"{self.file(utterance)} exists and was made with other settings: "
                    f"{'; '.join(found)}.  Set another out=, or overwrite=true"
                )

    def require_no_input_replaced(self, utterances: Sequence[Utterance]) -> None:
        """Raises UserError where a result would be written over an input."""
        inputs = {Path(each.origin).resolve() for each in utterances}
        for utterance in utterances:
            for result in self.files(utterance):
                if result.resolve() in inputs:
                    raise UserError(f"{result} is an input and would be replaced: set another out=")

    def remove_unfinished(self, utterances: Sequence[Utterance]) -> None:
        """Removes what a killed command was writing in the folders of results."""
        files = [
            file for each in utterances for file in (*self.files(each), self.record_file(each))
        ]
        for folder in {self.folder, *(file.parent for file in files)}:
            remove_unfinished(folder)

    def forget(self, utterance: Utterance) -> None:
        """Marks a result as incomplete before it is replaced."""
        self.record_file(utterance).unlink(missing_ok=True)

    def record(
        self, utterance: Utterance, speaker: str | None, took: float, audio_seconds: float
    ) -> None:
        """Writes the `.json` of a result that is complete.

        Args:
            utterance: What was made.
            speaker: As whom; None: the unknown speaker.
            took: Seconds that it took.
            audio_seconds: Its length.
        """
        content = {
            **self._decided(utterance, speaker),
            "origin": utterance.origin,
            **self.how,
            "seconds_taken": round(took, 3),
            "audio_seconds": audio_seconds,
            "times_real_time": round(audio_seconds / took, 4) if took else None,
        }
        write_bytes(self.record_file(utterance), json.dumps(content, indent=2).encode() + b"\n")

    def all_there(self) -> list[tuple[str, str | None]]:
        """Returns name and speaker of all complete results in the folder, of any command.

        Results of other settings, such as another model, are not among them, nor are files that
        have been moved.
        """
        found = {}
        for file in self.folder.rglob("*.json"):
            name = file.relative_to(self.folder).as_posix().removesuffix(".json")
            wanted = [self.folder / part / f"{name}{self.suffix}" for part in self.parts]
            if not all(each.is_file() for each in wanted):
                continue
            record = _content(file) or {}
            if {**record, "utterance": name, **self.decides} == record:
                found[name] = record.get("speaker")
        return sorted(found.items())

    def _decided(self, utterance: Utterance, speaker: str | None) -> dict[str, Any]:
        own = {"utterance": utterance.name, "input_sha256": utterance.digest, "speaker": speaker}
        return {**self.decides, **own}

    def _read(self, utterance: Utterance) -> dict[str, Any]:
        """Returns the content of a `.json`; {} where there is no complete result."""
        file = self.record_file(utterance)
        if not all(map(os.path.isfile, (file, *self.files(utterance)))):
            return {}
        content = _content(file)
        if content is None:
            raise UserError(
                f"{file} is not a file that wavenet-ae generate writes: set another out="
            )
        return {"utterance": None, **content}

    def _differences(
        self, existing: dict[str, Any], utterance: Utterance, speaker: str | None
    ) -> list[str]:
        return [
            f"{key} was {_short(existing.get(key))}, now {_short(value)}"
            for key, value in self._decided(utterance, speaker).items()
            if existing.get(key) != value
        ]


def _content(file: Path) -> dict[str, Any] | None:
    """Returns the content of a `.json`; None where it is that of another program."""
    try:
        content = read_json(file)
    except UserError:
        return None
    is_content = isinstance(content, dict) and isinstance(content.get("speaker"), str | None)
    return content if is_content else None


def _short(value: Any) -> str:
    text = str(value)
    return text[:12] if isinstance(value, str) and len(text) == 64 else text
