"""Reading what W&B has written offline in a run folder.

The library writes these files but reads none: they are blocks of records, as in a LevelDB log.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import wandb
from wandb.proto.wandb_internal_pb2 import Record

FILE_HEADER, BLOCK = 7, 32768
HEADER = struct.Struct("<IHB")  # checksum, length, kind
FULL, FIRST, _, LAST = range(1, 5)  # records that do not fit come in parts
BOOKKEEPING = {"epoch", "trainer/global_step"}  # beside what begins with "_"


def segments(run_folder: Path) -> list[list[Record]]:
    """The records of each start of the run, oldest first.

    W&B's service, if this process has one, is ended first: it writes on after `finish`.
    """
    wandb.teardown()
    files = sorted((run_folder / "wandb").glob("offline-run-*/run-*.wandb"))
    return [list(records(file)) for file in files]


def records(file: Path) -> Iterator[Record]:
    """The records of one file, but for one that a kill has cut short."""
    content, place, parts = file.read_bytes(), FILE_HEADER, b""
    while place + HEADER.size <= len(content):
        if BLOCK - place % BLOCK < HEADER.size:  # no room for a header: the rest is padding
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = HEADER.unpack_from(content, place)
        place += HEADER.size
        part = content[place : place + length]
        parts = part if kind in (FULL, FIRST) else parts + part
        place += length
        if kind in (FULL, LAST) and place <= len(content):
            yield Record.FromString(parts)


def history(segment: Iterable[Record]) -> list[dict[str, Any]]:
    """The rows of a segment."""
    return [_values(each.history.item) for each in segment if each.HasField("history")]


def configuration(segment: Iterable[Record]) -> dict[str, Any]:
    """The run's configuration at the end of a segment."""
    found: dict[str, Any] = {}
    for record in segment:
        if record.HasField("run"):
            found |= _values(record.run.config.update)
        if record.HasField("config"):
            found |= _values(record.config.update)
    return found


def run_ids(segment: Iterable[Record]) -> set[str]:
    return {each.run.run_id for each in segment if each.HasField("run")}


def artifacts(segment: Iterable[Record], kind: str) -> list[Any]:
    found = (each.artifact for each in segment if each.HasField("artifact"))
    return [each for each in found if each.type == kind]


def logged_keys(run_folder: Path) -> set[str]:
    """The figures that W&B has of a run."""
    return {key for key, value in _logged(run_folder) if isinstance(value, int | float)}


def histogram_keys(run_folder: Path) -> set[str]:
    return {key for key, value in _logged(run_folder) if _type(value) == "histogram"}


def table_keys(run_folder: Path) -> set[str]:
    return {key for key, value in _logged(run_folder) if _type(value) == "table-file"}


def _logged(run_folder: Path) -> Iterator[tuple[str, Any]]:
    for segment in segments(run_folder):
        for row in history(segment):
            for key, value in row.items():
                if key not in BOOKKEEPING and not key.startswith("_"):
                    yield key, value


def _type(value: Any) -> str:
    return str(value.get("_type", "")) if isinstance(value, dict) else ""


def _values(items: Iterable[Any]) -> dict[str, Any]:
    """Returns values by their keys; each part of a histogram or table is an item of its own."""
    found: dict[str, Any] = {}
    for each in items:
        *outer, key = each.nested_key or [each.key]
        place = found
        for name in outer:
            place = place.setdefault(name, {})
        place[key] = json.loads(each.value_json)
    return found
