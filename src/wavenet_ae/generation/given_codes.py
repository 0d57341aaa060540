"""The codes of `codes=`, checked against the model that is to decode them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

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
from wavenet_ae.models.conditioning import num_hops_of
from wavenet_ae.models.inputs import checked_stream, require_same_hops
from wavenet_ae.stream_names import folder_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GivenStream:
    """Codes of one stream of an utterance, in a file or as a table has them.

    Attributes:
        speaker: Name of the speaker; None where it is not known.
        where: File, or table and name, for errors.
        content: The codes, or their file, which is read when its turn comes.
    """

    speaker: str | None
    where: str
    content: np.ndarray | Path

    @property
    def codes(self) -> np.ndarray:
        """The codes, unchecked."""
        return self.content if isinstance(self.content, np.ndarray) else read_codes(self.content)


class GivenCodes:
    """The codes of a .npy file, of all in a folder, or of a table (.tsv), as utterances.

    Of a model with several streams of codes, they are those of a folder that holds a folder for
    each stream, with the .npy files or the table of its codes.

    Args:
        model: Decodes them.
        fingerprint: Fingerprint of the model.
        path: The file, folder or table.
        max_utterances: Only the first N, sorted by name; None: all.

    Raises:
        UserError: Codes are those of another model, or cannot be those of this one.
    """

    def __init__(
        self, model: Autoencoder, fingerprint: str, path: Path, max_utterances: int | None
    ) -> None:
        self.model = model
        self.path = path.expanduser()
        places = self._places()
        for place in places.values():
            _require_own(place, fingerprint)
        self.given = _joined({name: self._listed(place) for name, place in places.items()})
        self.utterances = [self._utterance(name) for name in sorted(self.given)[:max_utterances]]
        if not self.utterances:
            raise UserError(f"codes={self.path}: there are no codes in it")

    def content(self, utterance: Utterance) -> Content:
        codes = self._checked(utterance.name)
        return Content(codes, self._num_samples(codes))

    def _places(self) -> dict[str, Path]:
        """Returns the file, folder or table of each stream by its name."""
        streams = self.model.code_streams
        places = {each.name: self.path / folder_of(each.name) for each in streams}
        if len(streams) == 1:
            return dict.fromkeys(places, self.path)
        missing = [place for place in places.values() if not place.is_dir()]
        if missing:
            raise UserError(
                f"codes={self.path}: this model has the streams {', '.join(places)}, but "
                f"{missing[0]} is not a folder: set codes to a folder that task=encode wrote"
            )
        return {name: self._files_or_table(place) for name, place in places.items()}

    @staticmethod
    def _files_or_table(folder: Path) -> Path:
        has_files = any(not each.name.startswith(".") for each in folder.rglob("*.npy"))
        table = folder / UNITS_TABLE
        return table if not has_files and table.is_file() else folder

    def _listed(self, path: Path) -> dict[str, GivenStream]:
        return self._from_table(path) if path.suffix == ".tsv" else self._from_files(path)

    def _from_table(self, path: Path) -> dict[str, GivenStream]:
        known = {printable(name): name for name in self.model.speakers}
        found: dict[str, GivenStream] = {}
        for given, speaker, codes in read_table(path):
            where = f"{path}: {given}"
            name = _name(given, where)
            if name in found:
                raise UserError(f"{path}: the utterance {name} is in it more than once")
            found[name] = GivenStream(known.get(speaker, speaker) or None, where, codes)
        return found

    @staticmethod
    def _from_files(path: Path) -> dict[str, GivenStream]:
        folder = path if path.is_dir() else path.parent
        files = sorted(folder.rglob("*.npy")) if path.is_dir() else [path]
        visible = [each for each in files if not each.name.startswith(".")]
        if not visible and (folder / UNITS_TABLE).is_file():
            raise UserError(f"codes={folder} holds no .npy files: set codes={folder / UNITS_TABLE}")
        found: dict[str, GivenStream] = {}
        for file in visible:
            where = printable(str(file))
            name = _name(printable(file.relative_to(folder).as_posix().removesuffix(".npy")), where)
            if name in found:
                both = f"{found[name].where} and {where}"
                raise UserError(f"{both} would both make {name}: rename one")
            found[name] = GivenStream(None, where, file)
        return found

    def _checked(self, name: str) -> dict[str, Tensor]:
        """Returns the codes of an utterance, of each stream by its name."""
        given = self.given[name]
        codes = {
            stream.name: checked_stream(stream, given[stream.name].codes, given[stream.name].where)
            for stream in self.model.code_streams
        }
        sizes = {stream: each.shape[-1] for stream, each in codes.items()}
        require_same_hops(self.model, sizes, f"{self.path}: {name}")
        return codes

    def _num_samples(self, codes: Mapping[str, Tensor]) -> int:
        return num_hops_of(self.model, codes) * int(self.model.hop)

    def _utterance(self, name: str) -> Utterance:
        checked, digest = self._checked(name), hashlib.sha256()
        for each in self.given[name].values():
            codes = each.codes
            digest.update(f"{codes.dtype} {codes.shape}".encode() + codes.tobytes())
        first = next(iter(self.given[name].values()))
        num_samples = self._num_samples(checked)
        return Utterance(name, first.speaker, first.where, digest.hexdigest(), num_samples)


def _joined(
    streams: Mapping[str, Mapping[str, GivenStream]],
) -> dict[str, dict[str, GivenStream]]:
    """Returns by utterance what is given by stream.

    Raises:
        UserError: A stream lacks an utterance that another one has.
    """
    names = {name: each for given in streams.values() for name, each in given.items()}
    for stream, given in streams.items():
        if missing := sorted(names.keys() - given.keys()):
            raise UserError(
                f"{names[missing[0]].where} has no codes of the stream {stream} beside it: encode "
                "the recording again, or remove it from the other streams"
            )
    return {name: {stream: given[name] for stream, given in streams.items()} for name in names}


def _name(given: str, where: str) -> str:
    name = given_name(given)
    if name is None:
        raise UserError(f"{where}: {given!r} is not the name of a file inside out")
    return name


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
