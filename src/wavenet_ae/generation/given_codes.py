"""The codes of `codes=`, checked against the model that is to decode them."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import torch

from wavenet_ae.errors import UserError
from wavenet_ae.generation.code_files import (
    UNITS_DESCRIPTION,
    UNITS_TABLE,
    read_codes,
    read_description,
    read_table,
)
from wavenet_ae.generation.utterances import Content, Utterance, printable
from wavenet_ae.models import Autoencoder

logger = logging.getLogger(__name__)


class GivenCodes:
    """The codes of a .npy file, of all in a folder, or of a table (.tsv), as utterances.

    Args:
        model: Decodes them.
        fingerprint: Of the model.
        path: The file, folder or table.
        max_utterances: Only the first N, sorted by name; None: all.

    Raises:
        UserError: Codes are those of another model, or cannot be those of this one.
    """

    def __init__(
        self, model: Autoencoder, fingerprint: str, path: Path, max_utterances: int | None
    ) -> None:
        self.model = model
        self.hop = int(model.hop)
        self.path = path.expanduser()
        self.rows: dict[str, np.ndarray] = {}  # of a table: files are read when their turn comes
        self.files: dict[str, Path] = {}
        _require_own(self.path, fingerprint)
        found = self._from_table() if self.path.suffix == ".tsv" else self._from_files()
        self.utterances = sorted(found, key=lambda each: each.name)[:max_utterances]
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
            raise UserError(f"codes={folder} holds no .npy files: set codes={folder / UNITS_TABLE}")
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
            raise UserError(f"{where}: {name!r} is not the name of a file inside out")
        (_check_codes if self.model.bottleneck.is_quantizing else _check_vectors)(
            self.model, where, codes
        )
        digest = hashlib.sha256(f"{codes.dtype} {codes.shape}".encode() + codes.tobytes())
        num_samples = codes.shape[-1] * self.hop
        return Utterance(name, speaker, where, digest.hexdigest(), num_samples)


def _require_own(path: Path, fingerprint: str) -> None:
    """Compares the model with the nearest units.json above the codes."""
    folders = [path, *path.absolute().parents] if path.is_dir() else path.absolute().parents
    for folder in folders:
        if description := read_description(folder):
            break
    else:
        logger.warning(
            "there is no %s beside %s: the model of its codes is not known",
            UNITS_DESCRIPTION,
            path,
        )
        return
    found = description["model_fingerprint"]
    if found != fingerprint:
        raise UserError(
            f"codes={path} are those of another model, {description.get('checkpoint')} (its "
            f"fingerprint in {folder / UNITS_DESCRIPTION} is {found[:12]}, this checkpoint's is "
            f"{fingerprint[:12]}): use that checkpoint, or encode the recordings with this one"
        )


def _check_codes(model: Autoencoder, where: str, codes: np.ndarray) -> None:
    size, books = model.bottleneck.codebook_size, model.bottleneck.num_codebooks
    if codes.dtype.kind not in "iu":
        raise UserError(
            f"{where} holds {codes.dtype} {codes.shape}, but this model decodes codes, whole "
            f"numbers from 0 to {size - 1}: encode with this checkpoint"  # type: ignore[operator]
        )
    found = 1 if codes.ndim == 1 else len(codes) if codes.ndim == 2 else None
    if found != books or (books == 1) != (codes.ndim == 1):
        wanted = "(codes,)" if books == 1 else f"({books}, codes)"
        raise UserError(
            f"{where} has the shape {codes.shape}, but this model has {books} "
            f"codebook{'s' * (books > 1)}: their shape must be {wanted}"
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
            f"decodes vectors, float32 of the shape ({dim}, vectors)"
        )
    _require_some(where, vectors)
    if not np.isfinite(vectors).all():
        raise UserError(f"{where} has vectors that are NaN or infinite")


def _require_some(where: str, codes: np.ndarray) -> None:
    if not codes.shape[-1]:
        raise UserError(f"{where} is empty: it must hold at least one code")
