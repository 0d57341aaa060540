"""Download and extraction of corpora by torchaudio, completely or not at all.

    <root>/.LibriSpeech-dev-clean.unfinished/dev-clean.tar.gz        downloaded, its hash checked
                                             LibriSpeech/dev-clean/  being extracted
    <root>/LibriSpeech/dev-clean/                                    moved here when complete

torchaudio takes any folder of the right name for a complete one, and any archive that exists for a
valid one. It therefore works in a folder of its own, so that leftovers of a killed run are never
mistaken for a corpus, and an archive in the root is checked before torchaudio gets it.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError
from wavenet_ae.ownership import use_in_turn

logger = logging.getLogger(__name__)

# What torchaudio, and the modules that open archives, raise.
FAILURES = (
    *(OSError, HTTPException),  # no internet, a lost connection, a full disk
    RuntimeError,  # another hash than the published one; a compression that is not supported
    *(EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile),  # a truncated archive
    ValueError,  # a damaged archive: names of members that are not text, or have a NUL
)


@dataclass(frozen=True)
class Archive:
    """Archive of a corpus.

    Attributes:
        name: File name.
        folder: Folder that it leaves below the root, POSIX.
        dataset: torchaudio's class for it, to be called with `root` and `download`.
        num_recordings: Least number of recordings of a complete folder, if published.
    """

    name: str
    folder: str
    dataset: Callable[..., Any]
    num_recordings: int | None = None


def fetch(archive: Archive, root: Path) -> None:
    """Downloads and extracts an archive; one that already lies in `root` is checked and extracted.

    Runs that start at the same time wait for the first.

    Args:
        archive: The archive.
        root: Folder below which it is extracted.

    Raises:
        UserError: If it cannot be downloaded, checked or extracted.
    """
    hidden = root / f".{archive.folder.replace('/', '-')}"
    try:
        with use_in_turn(Path(f"{hidden}.lock"), f"fetches {archive.name}"):
            if not (root / archive.folder).is_dir():  # asked again: another run may have made it
                _fetch(archive, root, Path(f"{hidden}.unfinished"))
    except FAILURES as error:
        raise UserError(_explained(archive, root, error)) from error


def _fetch(archive: Archive, root: Path, unfinished: Path) -> None:
    given, downloaded = root / archive.name, unfinished / archive.name
    unfinished.mkdir(exist_ok=True)
    _clear(unfinished, downloaded)  # leftovers of a killed run
    if given.is_file() and not downloaded.is_file():
        _check(archive, given)
        downloaded.symlink_to(given)
    doing = "extracting" if downloaded.is_file() else "downloading"
    logger.info("%s %s into %s", doing, archive.name, root)
    try:
        archive.dataset(str(unfinished), download=True)
        made, place = unfinished / archive.folder, root / archive.folder
        place.parent.mkdir(exist_ok=True)
        for beside in made.parent.iterdir():  # such as LibriSpeech's SPEAKERS.TXT
            if beside.is_file() and beside != downloaded:
                beside.replace(place.parent / beside.name)
        made.rename(place)  # last, so that the folder is complete when it appears
    except FAILURES:  # a kill leaves the same, which the next run removes
        _clear(unfinished, downloaded)
        raise
    shutil.rmtree(unfinished)


def _check(archive: Archive, given: Path) -> None:
    """Raises RuntimeError unless an archive has the published hash or, without one, safe members.

    torchaudio checks only what it downloads, and extracts members to wherever they say.
    """
    logger.info("checking %s", given)
    if published := _published_sha256(archive):
        with given.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != published:
            raise RuntimeError(f"its SHA-256 is {found}, but the published one is {published}")
    else:
        for name in _members(given):
            if Path(name).anchor or ".." in Path(name).parts:
                raise RuntimeError(f"its member {name!r} would be extracted outside the folder")


def _published_sha256(archive: Archive) -> str | None:
    """Returns the SHA-256 of an archive in torchaudio's module of the dataset, or None.

    LJSpeech's module has another table than the others.
    """
    module = sys.modules[getattr(archive.dataset, "func", archive.dataset).__module__]
    hashes = dict(getattr(module, "_CHECKSUMS", {}))
    for release in getattr(module, "_RELEASE_CONFIGS", {}).values():
        hashes[release["url"]] = release["checksum"]
    return next((hashes[url] for url in hashes if url.endswith(f"/{archive.name}")), None)


def _members(given: Path) -> Iterator[str]:
    """Yields the names in an archive; raises RuntimeError at a link, which could lead later members
    outside.
    """
    if given.suffix == ".zip":
        with zipfile.ZipFile(given) as opened:
            yield from opened.namelist()  # zipfile extracts links as plain files
        return
    with tarfile.open(given) as members:
        for member in members:
            if not (member.isfile() or member.isdir()):
                raise RuntimeError(f"its member {member.name!r} is neither a file nor a folder")
            yield member.name


def _clear(unfinished: Path, downloaded: Path) -> None:
    """Removes everything but a downloaded archive, which torchaudio has checked."""
    for left in unfinished.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        elif left != downloaded or left.is_symlink():
            left.unlink()


def _explained(archive: Archive, root: Path, error: Exception) -> str:
    given = root / archive.name
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"  # on one line
    if given.is_file():
        return (
            f"data.source.root={root}: {given} cannot be extracted to {archive.folder} ({reason}). "
            "If it is incomplete, or another archive of that name, move it away, and set "
            "data.source.download=true to download it."
        )
    return (
        f"data.source.download=true: {archive.name} cannot be downloaded and extracted into "
        f"{root} ({reason}). Without internet, put the archive there yourself, or the folder that "
        f"it contains, {root / archive.folder}."
    )
