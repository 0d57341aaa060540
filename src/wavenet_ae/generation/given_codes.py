"""The codes of `codes=`, checked against the model that is to decode them."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np

from wavenet_ae.errors import UserError
from wavenet_ae.file_names import printable
from wavenet_ae.generation.code_files import (
    UNITS_DESCRIPTION,
    UNITS_TABLE,
    read_codes,
    read_description,
    read_table,
)
from wavenet_ae.generation.utterances import Content, Utterance, given_name
from wavenet_ae.models import Autoencoder
from wavenet_ae.models.inputs import checked_codes

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
        name = utterance.name
        given = self.rows[name] if name in self.rows else read_codes(self.files[name])
        codes = checked_codes(self.model, given, utterance.origin)
        return Content(codes, codes.shape[-1] * self.hop)

    def _from_table(self) -> list[Utterance]:
        known = {printable(name): name for name in self.model.speakers}
        found = []
        for given, speaker, codes in read_table(self.path):
            where = f"{self.path}: {given}"
            utterance = self._utterance(given, known.get(speaker, speaker) or None, where, codes)
            if utterance.name in self.rows:
                twice = f"{utterance.name} is in it more than once"
                raise UserError(f"{self.path}: the utterance {twice}")
            self.rows[utterance.name] = codes
            found.append(utterance)
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
            where = printable(str(file))
            found.append(self._utterance(name, None, where, read_codes(file)))
            other = self.files.setdefault(found[-1].name, file)
            if other != file:
                both = f"{printable(str(other))} and {where}"
                raise UserError(f"{both} would both make {found[-1].name}: rename one")
        return found

    def _utterance(
        self, given: str, speaker: str | None, where: str, codes: np.ndarray
    ) -> Utterance:
        name = given_name(given)
        if name is None:
            raise UserError(f"{where}: {given!r} is not the name of a file inside out")
        num_codes = checked_codes(self.model, codes, where).shape[-1]
        digest = hashlib.sha256(f"{codes.dtype} {codes.shape}".encode() + codes.tobytes())
        return Utterance(name, speaker, where, digest.hexdigest(), num_codes * self.hop)


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
