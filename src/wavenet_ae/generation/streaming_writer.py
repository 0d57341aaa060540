"""Recordings that are written while they are generated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from wavenet_ae.errors import UserError
from wavenet_ae.storage import atomic_write


class StreamingWriter:
    """A 16-bit mono recording that grows, for a `with` block.

    The file takes its name when it is finished: complete and on disk.  A block that ends before
    leaves nothing.

    Args:
        path: The file, WAV or FLAC by its suffix.
        sample_rate: In Hz.

    Raises:
        UserError: The file cannot be written.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        self.path, self.sample_rate = path, sample_rate

    def __enter__(self) -> StreamingWriter:
        container = self.path.suffix[1:].upper()
        given = dict(samplerate=self.sample_rate, channels=1, subtype="PCM_16", format=container)
        with ExitStack() as opened:
            file = opened.enter_context(atomic_write(self.path))
            # By number: an interrupt would be lost in a callback from libsndfile to a file object.
            self.sound = soundfile.SoundFile(file.fileno(), "w", closefd=False, **given)
            self.file = opened.pop_all()
        return self

    def write(self, samples: np.ndarray) -> None:
        """Appends samples (n,) int16, and keeps none of them in memory."""
        with self._errors():
            self.sound.write(samples)
            self.sound.flush()

    def finish(self) -> None:
        """Writes what the container ends with, and gives the file its name."""
        with self._errors():
            self.sound.close()
        self.file.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Removes the file unless it is finished."""
        with suppress(soundfile.LibsndfileError):
            self.sound.close()
        if error is None:
            error = Unfinished(self.path)
        with suppress(Unfinished):
            self.file.__exit__(type(error), error, trace)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except soundfile.LibsndfileError as error:
            raise UserError(
                f"{self.path} cannot be written: {error.error_string}  Free some space or choose "
                "another out=, then run the same command again; files that are complete stay"
            ) from None


class Unfinished(Exception):
    """Makes `atomic_write` remove a file that is not complete."""
