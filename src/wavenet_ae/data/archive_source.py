"""Base class of the named corpora: archives are extracted, or downloaded, and then listed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from wavenet_ae.data.downloads import Archive, fetch
from wavenet_ae.data.recordings import Recording, Source
from wavenet_ae.errors import UserError, counted

logger = logging.getLogger(__name__)

REMEDY = (
    "If its extraction was interrupted, delete the folder, then extract it again or set "
    "data.source.download=true."
)


class ArchivedSource(Source):
    """Corpus whose archives torchaudio extracts below a root, all into one folder.

    Subclasses define how torchaudio lists an archive.

    Args:
        root: Folder that holds the corpus's folder.
        archives: Archives of the corpus.
        download: Whether to download missing archives; without it, a missing one is an error.

    Attributes:
        root: The corpus's folder.
        above: The folder that torchaudio calls the root.

    Raises:
        UserError: If the root is empty.
    """

    def __init__(self, root: str, archives: Sequence[Archive], download: bool) -> None:
        if not str(root):
            raise UserError("data.source.root is empty: set the folder that holds the corpus")
        self.above = Path(root).expanduser().absolute()
        self.root = self.above / archives[0].folder.split("/")[0]
        self.archives, self.download = archives, download

    def prepare(self) -> None:
        """Downloads and extracts missing archives, if requested.

        Raises:
            UserError: If an archive is missing or cannot be downloaded.
        """
        for archive in self.archives:
            if not (self.above / archive.folder).is_dir():
                if not self.download:
                    raise UserError(self._missing(archive))
                fetch(archive, self.above)

    def recordings(self) -> list[Recording]:
        """Returns all recordings, in order of their keys.

        Raises:
            UserError: If an archive is missing, empty or damaged.
        """
        self.prepare()
        found = [each for archive in self.archives for each in self._complete(archive)]
        return sorted(found, key=lambda recording: recording.key)

    def _listed(self, archive: Archive) -> Iterator[Recording]:
        """Recordings in the folder of `archive`."""
        raise NotImplementedError

    def _recording(self, path: str | Path, speaker: str, split: str | None = None) -> Recording:
        path = self.root / path  # stays as it is if it is absolute
        return Recording(path.relative_to(self.root).as_posix(), path, speaker, split)

    def _complete(self, archive: Archive) -> list[Recording]:
        """Returns the recordings of an archive; raises UserError if torchaudio has none."""
        folder = self.above / archive.folder
        try:
            listed = list(self._listed(archive))
        except (OSError, RuntimeError, ValueError, LookupError) as error:
            raise UserError(
                f"data.source.root={self.above}: {folder} is not as torchaudio expects it "
                f"({type(error).__name__}: {error}). {REMEDY}"
            ) from error
        if not listed:
            raise UserError(f"data.source.root={self.above}: no recordings in {folder}. {REMEDY}")
        if archive.num_recordings and len(listed) < archive.num_recordings:
            text = "%s holds %s of %d. %s"
            logger.warning(
                text, folder, counted(len(listed), "recording"), archive.num_recordings, REMEDY
            )
        return listed

    def _missing(self, archive: Archive) -> str:
        text = f"data.source.root={self.above}: there is no folder {self.above / archive.folder}. "
        if (self.above.parent / archive.folder).is_dir():
            return text + f"Set the folder above: {self.above.parent}."
        return text + (
            f"Set the folder that holds {archive.folder}, or set data.source.download=true: "
            f"{archive.name} is extracted if it lies in {self.above}, and else downloaded there."
        )
