"""Recordings that are written while they are made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from wavenet_ae.audio.io import replacing
from wavenet_ae.errors import UserError


class StreamingWriter:
    """A 16-bit mono recording, WAV or FLAC by suffix, for a `with` block.

    It takes its name when it is finished, complete and on disk; a block that ends before leaves
    nothing.  Raises UserError where it cannot be written.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        self.path, self.sample_rate = path, sample_rate

    def __enter__(self) -> StreamingWriter:
        container = self.path.suffix[1:].upper()
        given = dict(samplerate=self.sample_rate, channels=1, subtype="PCM_16", format=container)
        with ExitStack() as opened:
            file = opened.enter_context(replacing(self.path))
            # By number: an interrupt would be lost in a callback from libsndfile to a file object.
            self.sound = soundfile.SoundFile(file.fileno(), "w", closefd=False, **given)
            self.file = opened.pop_all()
        return self

    def write(self, samples: np.ndarray) -> None:
        """Append (n,) int16, and keep none of them in memory."""
        with self._errors():
            self.sound.write(samples)
            self.sound.flush()

    def finish(self) -> None:
        """Write what the container ends with, and give the file its name."""
        with self._errors():
            self.sound.close()
        self.file.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to do after `finish`."""
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
                f"{self.path} cannot be written: {error.error_string}  Free some space, for "
                "example; the same command goes on, and what is complete stays"
            ) from None


class Unfinished(Exception):
    """Tells `replacing` that its file is not complete."""
