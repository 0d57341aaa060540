"""What named corpora share: archives that are there, or are downloaded, and then listed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from wavenet_ae.data.downloads import Archive, fetch
from wavenet_ae.data.sources import Recording
from wavenet_ae.errors import UserError

logger = logging.getLogger(__name__)

REMEDY = (
    "If its extraction was interrupted, delete the folder, then extract it again or set "
    "data.source.download=true."
)


class ArchivedSource:
    """A corpus whose archives torchaudio unpacks below `root`; its recordings lie in one folder.

    A subclass says how torchaudio lists an archive.  What is not there is an error that names the
    folder, or with `download` is fetched.
    """

    def __init__(self, root: str, archives: Sequence[Archive], download: bool) -> None:
        if not str(root):
            raise UserError("data.source.root is empty: give the folder that holds the corpus")
        self.above = Path(root).expanduser().absolute()  # what torchaudio calls the root
        self.root = self.above / archives[0].folder.split("/")[0]
        self.archives, self.download = archives, download

    def prepare(self) -> None:
        for archive in self.archives:
            if not (self.above / archive.folder).is_dir():
                if not self.download:
                    raise UserError(self._missing(archive))
                fetch(archive, self.above)

    def recordings(self) -> list[Recording]:
        self.prepare()
        found = [each for archive in self.archives for each in self._complete(archive)]
        return sorted(found, key=lambda recording: recording.key)

    def _listed(self, archive: Archive) -> Iterator[Recording]:
        """The recordings in the folder of `archive`."""
        raise NotImplementedError

    def _recording(self, path: str | Path, speaker: str, split: str | None = None) -> Recording:
        path = self.root / path  # as it is, where it is absolute
        return Recording(path.relative_to(self.root).as_posix(), path, speaker, split)

    def _complete(self, archive: Archive) -> list[Recording]:
        """All recordings of an archive; UserError where torchaudio finds none or trips."""
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
            text = "%s holds %d recordings of %d. %s"
            logger.warning(text, folder, len(listed), archive.num_recordings, REMEDY)
        return listed

    def _missing(self, archive: Archive) -> str:
        text = f"data.source.root={self.above}: there is no folder {self.above / archive.folder}. "
        if (self.above.parent / archive.folder).is_dir():
            return text + f"Give the folder above: {self.above.parent}."
        return text + (
            f"Give the folder that holds {archive.folder}, or set data.source.download=true: "
            f"{archive.name} is extracted if it lies in {self.above}, and else downloaded there."
        )
