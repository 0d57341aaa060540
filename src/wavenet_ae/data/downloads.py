"""Archives of corpora, downloaded and extracted by torchaudio, wholly or not at all.

    <root>/.LibriSpeech-dev-clean.unfinished/dev-clean.tar.gz        downloaded, its hash checked
                                             LibriSpeech/dev-clean/  being extracted
    <root>/LibriSpeech/dev-clean/                                    moved here when complete

torchaudio takes any folder of the right name for a complete one, and an archive that is there for a
sound one; so it works in a folder of its own, where what a killed run left is never mistaken, and
an archive that lies in the root is checked before torchaudio gets it.
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

from filelock import FileLock

from wavenet_ae.errors import UserError

logger = logging.getLogger(__name__)

# No internet, a full disk and a wrong hash, then what archives that are cut short raise.
FAILURES = (
    *(OSError, HTTPException, RuntimeError),
    *(EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile),
)


@dataclass(frozen=True)
class Archive:
    """One file to download.

    name            of the file
    folder          that it leaves below the root, posix
    dataset         torchaudio's class for it, to be called with root and download
    num_recordings  that a complete folder has at least, where that is published
    """

    name: str
    folder: str
    dataset: Callable[..., Any]
    num_recordings: int | None = None


def fetch(archive: Archive, root: Path) -> None:
    """Download and extract an archive below `root`; one in `root` is checked and extracted.

    Runs that start together wait for the first.  UserError where it fails.
    """
    hidden = root / f".{archive.folder.replace('/', '-')}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{hidden}.lock"):
            if not (root / archive.folder).is_dir():  # still: another run may have held the lock
                _fetch(archive, root, Path(f"{hidden}.unfinished"))
    except FAILURES as error:
        raise UserError(_explained(archive, root, error)) from error


def _fetch(archive: Archive, root: Path, unfinished: Path) -> None:
    given, downloaded = root / archive.name, unfinished / archive.name
    unfinished.mkdir(exist_ok=True)
    _clear(unfinished, downloaded)  # of what a run that was killed left
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
        made.rename(place)  # last: who sees it sees all
    except Exception:
        _clear(unfinished, downloaded)
        raise
    shutil.rmtree(unfinished)


def _check(archive: Archive, given: Path) -> None:
    """RuntimeError unless `given` has the published hash or, where there is none, safe members.

    torchaudio checks what it downloads only, and extracts members to wherever they say.
    """
    logger.info("checking %s", given)
    if published := _published_sha256(archive):
        with given.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != published:
            raise RuntimeError(f"its SHA-256 is {found}, and that of the published {published}")
    else:
        for name in _members(given):
            if Path(name).anchor or ".." in Path(name).parts:
                raise RuntimeError(f"its member {name!r} would be extracted outside the folder")


def _published_sha256(archive: Archive) -> str | None:
    """What torchaudio's module of the dataset says of the archive; LJSpeech's has another table."""
    module = sys.modules[getattr(archive.dataset, "func", archive.dataset).__module__]
    hashes = dict(getattr(module, "_CHECKSUMS", {}))
    for release in getattr(module, "_RELEASE_CONFIGS", {}).values():
        hashes[release["url"]] = release["checksum"]
    return next((hashes[url] for url in hashes if url.endswith(f"/{archive.name}")), None)


def _members(given: Path) -> Iterator[str]:
    """The names in an archive; RuntimeError at a link, which could lead later members outside."""
    if given.suffix == ".zip":
        with zipfile.ZipFile(given) as opened:
            yield from opened.namelist()  # whose links zipfile extracts as plain files
        return
    with tarfile.open(given) as members:
        for member in members:
            if not (member.isfile() or member.isdir()):
                raise RuntimeError(f"its member {member.name!r} is neither a file nor a folder")
            yield member.name


def _clear(unfinished: Path, downloaded: Path) -> None:
    """Remove all but an archive that was downloaded: torchaudio has checked it."""
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
            "If it is not complete, or another archive of that name, move it away, and "
            "data.source.download=true downloads it."
        )
    return (
        f"data.source.download=true: {archive.name} cannot be downloaded and extracted into "
        f"{root} ({reason}). Where there is no internet, put the archive there yourself, or the "
        f"folder that it holds, {root / archive.folder}."
    )
