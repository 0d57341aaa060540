"""Codes that are given by `codes=`, checked against the model that is to speak them."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import torch

from wavenet_ae.errors import UserError
from wavenet_ae.generation.code_files import (
    UNITS_CARD,
    UNITS_TABLE,
    has_codes,
    read_card,
    read_codes,
    read_table,
)
from wavenet_ae.generation.utterances import Content, Utterance, printable
from wavenet_ae.models import Autoencoder

logger = logging.getLogger(__name__)


class GivenCodes:
    """The codes of a .npy file, of all of a folder, or of a table (.tsv); the first `limit` count.

    All are checked at once.  Raises UserError where they are not those of the model whose
    fingerprint is given, or could not be.
    """

    def __init__(self, model: Autoencoder, fingerprint: str, path: Path, limit: int | None) -> None:
        self.model = model
        self.hop = int(model.hop)
        self.path = path.expanduser()
        self.rows: dict[str, np.ndarray] = {}  # of a table: files are read when their turn comes
        self.files: dict[str, Path] = {}
        _require_own(self.path, fingerprint)
        found = self._from_table() if self.path.suffix == ".tsv" else self._from_files()
        self.utterances = sorted(found, key=lambda each: each.name)[:limit]
        if not self.utterances:
            raise UserError(f"codes={self.path}: there are no codes in it")

    def content(self, utterance: Utterance) -> Content:
        codes = self._codes(utterance.name)
        return Content(torch.from_numpy(codes), codes.shape[-1] * self.hop)

    def _codes(self, name: str) -> np.ndarray:
        codes = self.rows[name] if name in self.rows else read_codes(self.files[name])
        return codes.astype(np.float32 if codes.dtype.kind == "f" else np.int64)

    def _from_table(self) -> list[Utterance]:
        found = []
        for name, speaker, codes in read_table(self.path):
            if name in self.rows:
                raise UserError(f"{self.path}: the utterance {name} is in it more than once")
            self.rows[name] = codes
            where = f"{self.path}: {name}"
            found.append(self._utterance(name, speaker or None, where, codes))
        return found

    def _from_files(self) -> list[Utterance]:
        folder = self.path if self.path.is_dir() else self.path.parent
        files = sorted(folder.rglob("*.npy")) if self.path.is_dir() else [self.path]
        visible = [each for each in files if not each.name.startswith(".")]
        if not visible and (folder / UNITS_TABLE).is_file():
            raise UserError(f"codes={folder} holds no .npy files: give {folder / UNITS_TABLE}")
        found = []
        for file in visible:
            name = printable(file.relative_to(folder).as_posix().removesuffix(".npy"))
            self.files[name] = file
            where = printable(str(file))
            found.append(self._utterance(name, None, where, read_codes(file)))
        return found

    def _utterance(
        self, name: str, speaker: str | None, where: str, codes: np.ndarray
    ) -> Utterance:
        if Path(name).is_absolute() or ".." in Path(name).parts or not name:
            raise UserError(f"{where}: {name!r} is no name of a file below out")
        (_check_codes if has_codes(self.model) else _check_vectors)(self.model, where, codes)
        digest = hashlib.sha256(f"{codes.dtype} {codes.shape}".encode() + codes.tobytes())
        num_samples = codes.shape[-1] * self.hop
        return Utterance(name, speaker, where, digest.hexdigest(), num_samples)


def _require_own(path: Path, fingerprint: str) -> None:
    """The nearest units.json above the codes says of which model they are."""
    folders = [path, *path.absolute().parents] if path.is_dir() else path.absolute().parents
    for folder in folders:
        if card := read_card(folder):
            break
    else:
        logger.warning("there is no %s beside %s: of which model?", UNITS_CARD, path)
        return
    if card["model_fingerprint"] != fingerprint:
        raise UserError(
            f"codes={path} are those of another model, {card.get('checkpoint')} (its fingerprint "
            f"in {folder / UNITS_CARD} is {card['model_fingerprint'][:12]}, this checkpoint's is "
            f"{fingerprint[:12]}): give that checkpoint, or encode the recordings with this one"
        )


def _check_codes(model: Autoencoder, where: str, codes: np.ndarray) -> None:
    size, books = model.bottleneck.codebook_size, model.bottleneck.num_codebooks
    if codes.dtype.kind not in "iu":
        raise UserError(
            f"{where} holds {codes.dtype} {codes.shape}, but this model speaks codes, whole "
            f"numbers from 0 to {size - 1}: encode with this checkpoint"  # type: ignore[operator]
        )
    found = 1 if codes.ndim == 1 else len(codes) if codes.ndim == 2 else None
    if found != books or (books == 1) != (codes.ndim == 1):
        wanted = "(codes,)" if books == 1 else f"({books}, codes)"
        raise UserError(
            f"{where} has the shape {codes.shape}, but this model has {books} "
            f"codebook{'s' * (books > 1)}: codes must have the shape {wanted}"
        )
    _require_some(where, codes)
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= size:  # type: ignore[operator]
        bad = low if low < 0 else high
        raise UserError(f"{where} has the code {bad}, but this model's are 0 to {size - 1}")  # type: ignore[operator]


def _check_vectors(model: Autoencoder, where: str, vectors: np.ndarray) -> None:
    dim = model.bottleneck.dim
    if vectors.dtype.kind != "f" or vectors.ndim != 2 or len(vectors) != dim:
        raise UserError(
            f"{where} holds {vectors.dtype} {vectors.shape}, but this model has no codes: it "
            f"speaks vectors, float32 of the shape ({dim}, vectors)"
        )
    _require_some(where, vectors)
    if not np.isfinite(vectors).all():
        raise UserError(f"{where} has vectors that are NaN or infinite")


def _require_some(where: str, codes: np.ndarray) -> None:
    if not codes.shape[-1]:
        raise UserError(f"{where} is empty: give at least one code")
