"""Codes in files: .npy for programs, units.tsv for people and language models.

A folder of the codes of several streams, such as `top` and `bottom`, holds a folder for each, which
is a folder of codes like that of an only stream.

A folder of codes holds for each utterance one `.npy`, codes (N,) or (Q, N) int64, or vectors
(D, N) float32 of a continuous bottleneck; for all of them `units.json`, which describes
their model; and where there are codes `units.tsv`, with a line for each utterance:

    utterance<TAB>speaker<TAB>units of codebook 1, separated by spaces[<TAB>of codebook 2 ...]
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from wavenet_ae.errors import UserError
from wavenet_ae.file_names import printable
from wavenet_ae.models import CodeModel, CodeStream
from wavenet_ae.reading import read_bytes, read_json, read_text
from wavenet_ae.storage import atomic_write, write_bytes

UNITS_TABLE = "units.tsv"
UNITS_DESCRIPTION = "units.json"
ARCHIVE = b"PK\x03\x04"  # begins a zip file, such as numpy's .npz


def describe_units(
    model: CodeModel, stream: CodeStream, fingerprint: str, checkpoint: str, smoothing: float = 0
) -> dict[str, Any]:
    """Returns the content of `units.json`; without codes the sizes of codebooks are null."""
    bottleneck = stream.bottleneck
    coded = bool(bottleneck.is_quantizing)
    return {
        "code_rate_hz": float(model.sample_rate / stream.hop),
        "codebook_size": bottleneck.codebook_size if coded else None,
        "num_codebooks": bottleneck.num_codebooks if coded else None,
        "vector_dim": bottleneck.dim,
        "smoothing": smoothing,
        "model_fingerprint": fingerprint,
        "checkpoint": checkpoint,
    }


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Writes `units.json` into a folder of codes."""
    write_bytes(folder / UNITS_DESCRIPTION, json.dumps(description, indent=2).encode() + b"\n")


def read_description(folder: Path) -> dict[str, Any] | None:
    """Reads `units.json` of a folder of codes; None where there is none."""
    path = folder / UNITS_DESCRIPTION
    if not os.path.isfile(path):
        return None
    found = read_json(path)
    if not isinstance(found, dict) or not isinstance(found.get("model_fingerprint"), str):
        raise UserError(f"{path} is not a file that task=encode writes: restore or remove it")
    return found


def require_same_model(folder: Path, fingerprint: str) -> None:
    """Raises UserError where a folder holds codes of a model with another fingerprint."""
    existing = read_description(folder)
    if existing and existing["model_fingerprint"] != fingerprint:
        raise UserError(
            f"{folder / UNITS_DESCRIPTION} says that codes of another model lie there, "
            f"{existing.get('checkpoint')}: set another out=, or overwrite=true"
        )


def write_codes(path: Path, codes: np.ndarray) -> None:
    """Writes codes or vectors of any shape as a .npy file."""
    content = io.BytesIO()  # numpy would lose the reason why a file cannot be written
    np.save(content, codes)
    write_bytes(path, content.getvalue())


def read_codes(path: Path) -> np.ndarray:
    """Reads a .npy file of codes or vectors.

    Raises:
        UserError: It cannot be read, is damaged, or is of another kind.
    """
    content = read_bytes(path)
    if content.startswith(ARCHIVE):
        raise UserError(f"{path} is not a .npy file of codes, but an archive: unpack it")
    try:
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # numpy parses the header as Python, which can raise any
        raise UserError(f"{path} is not a readable .npy file of codes: {_about(error)}") from None


def _about(error: Exception) -> str:
    """Returns what is wrong with a .npy file, without numpy's advice to let it run code."""
    text = str(error)
    if "pickle" in text:
        return "it holds Python objects, which are refused since reading them could run code"
    return "it is not in numpy's format" if "magic" in text else text


def write_table(
    path: Path,
    utterances: Iterable[tuple[str, str | None]],
    codes: Callable[[str], np.ndarray],
) -> None:
    """Writes a table with a line for each name and speaker, and the codes of that name.

    Names are those of results, which are on one line. Tabs and the like in the names of speakers
    are escaped, as they are in those of results.
    """
    with atomic_write(path) as file:
        for name, speaker in utterances:
            rows = np.atleast_2d(codes(name))  # (Q, N)
            columns = [" ".join(map(str, row.tolist())) for row in rows]
            line = "\t".join([name, printable(speaker or ""), *columns])
            file.write(line.encode() + b"\n")


def read_table(path: Path) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yields name, speaker and codes (N,) or (Q, N) of each line of a table."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        cells = line.rstrip("\r").split("\t")
        if len(cells) < 3:
            raise UserError(f"{path}, line {number}: expected utterance<TAB>speaker<TAB>units")
        name, speaker, *columns = cells
        if printable(name) != name:
            raise UserError(
                f"{path}, line {number}: the name {name!r} has a control character: remove it"
            )
        yield name, speaker, _units(path, number, columns)


def _units(path: Path, number: int, columns: list[str]) -> np.ndarray:
    try:
        rows = [np.array([int(unit) for unit in cell.split()], np.int64) for cell in columns]
    except (ValueError, OverflowError) as error:
        raise UserError(f"{path}, line {number}: {error}") from None
    if len({len(row) for row in rows}) > 1:
        lengths = ", ".join(str(len(row)) for row in rows)
        raise UserError(
            f"{path}, line {number}: its codebooks have {lengths} units, but each must have as many"
        )
    return rows[0] if len(rows) == 1 else np.stack(rows)
