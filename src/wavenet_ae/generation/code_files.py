"""Codes in files: .npy for programs, units.tsv for people and language models.

A folder of codes holds for each utterance one `.npy`, codes (N,) or (Q, N) int64, or vectors
(D, N) float32 of a continuous bottleneck; for all of them `units.json`, which says of which model
they are; and where there are codes `units.tsv`, a line an utterance:

    utterance<TAB>speaker<TAB>units of codebook 1, separated by spaces[<TAB>of codebook 2 ...]
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from wavenet_ae.audio.io import replacing
from wavenet_ae.errors import UserError
from wavenet_ae.models import Autoencoder

UNITS_TABLE = "units.tsv"
UNITS_CARD = "units.json"


def has_codes(model: Autoencoder) -> bool:
    """Whether its units are codes: a bottleneck may not have begun to quantize."""
    bottleneck = model.bottleneck
    return bottleneck.codebook_size is not None and bool(bottleneck.is_quantizing)


def units_card(model: Autoencoder, fingerprint: str, checkpoint: str) -> dict[str, Any]:
    """What `units.json` says; without codes the sizes of codebooks are null."""
    bottleneck, coded = model.bottleneck, has_codes(model)
    return {
        "code_rate_hz": float(model.sample_rate / model.hop),
        "codebook_size": bottleneck.codebook_size if coded else None,
        "num_codebooks": bottleneck.num_codebooks if coded else None,
        "vector_dim": bottleneck.dim,
        "model_fingerprint": fingerprint,
        "checkpoint": checkpoint,
    }


def write_card(folder: Path, card: dict[str, Any]) -> None:
    with replacing(folder / UNITS_CARD) as file:
        file.write(json.dumps(card, indent=2).encode() + b"\n")


def read_card(folder: Path) -> dict[str, Any] | None:
    """None where there is none."""
    path = folder / UNITS_CARD
    if not path.is_file():
        return None
    try:
        card = json.loads(path.read_text())
        return {"model_fingerprint": card["model_fingerprint"], **card}
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not what task=encode writes: restore or remove it") from None


def write_codes(path: Path, codes: np.ndarray) -> None:
    with replacing(path) as file:
        np.save(file, codes)


def read_codes(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UserError(f"{path} is not a readable .npy file of codes: {error}") from None


def write_table(
    path: Path,
    utterances: Iterable[tuple[str, str | None]],
    codes: Callable[[str], np.ndarray],
) -> None:
    """A line for each name and speaker, with the codes of that name."""
    with replacing(path) as file:
        for name, speaker in utterances:
            rows = np.atleast_2d(codes(name))  # (Q, N)
            columns = [" ".join(map(str, row.tolist())) for row in rows]
            line = "\t".join([name, speaker or "", *columns])
            file.write(line.encode() + b"\n")


def read_table(path: Path) -> Iterator[tuple[str, str, np.ndarray]]:
    """Name, speaker and codes (N,) or (Q, N) of each line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: {error}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        cells = line.rstrip("\r").split("\t")
        if len(cells) < 3:
            raise UserError(f"{path}, line {number}: expected utterance<TAB>speaker<TAB>units")
        name, speaker, *columns = cells
        yield name, speaker, _units(path, number, columns)


def _units(path: Path, number: int, columns: list[str]) -> np.ndarray:
    try:
        rows = [np.array([int(unit) for unit in cell.split()], np.int64) for cell in columns]
    except (ValueError, OverflowError) as error:
        raise UserError(f"{path}, line {number}: {error}") from None
    if len({len(row) for row in rows}) > 1:
        lengths = ", ".join(str(len(row)) for row in rows)
        raise UserError(
            f"{path}, line {number}: its codebooks have {lengths} units, but as many must be "
            "given of each"
        )
    return rows[0] if len(rows) == 1 else np.stack(rows)
