"""The recordings of `input=`, and their codes."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from math import ceil
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from wavenet_ae.audio.integrity import UNKNOWN_FRAMES
from wavenet_ae.audio.io import AudioError, RecordingStream
from wavenet_ae.data.recordings import Recording
from wavenet_ae.data.sources import FolderSource, TableSource
from wavenet_ae.errors import UserError
from wavenet_ae.file_names import printable
from wavenet_ae.generation.utterances import Content, Utterance, result_names
from wavenet_ae.models import CodeModel
from wavenet_ae.models.smoothed_codes import smoothed_blocks

logger = logging.getLogger(__name__)


class Recordings:
    """The recordings of files, folders and tables, as utterances to generate.

    Args:
        model: Encodes them.
        paths: The files, folders and tables (.tsv).
        max_utterances: Only the first N, sorted by name; None: all.
        taken: Names that no result may have.
        smoothing: Price of a change of code, see `wavenet_ae.models.smoothed_codes`.
    """

    def __init__(
        self,
        model: CodeModel,
        paths: Sequence[Path],
        max_utterances: int | None,
        taken: Sequence[str] = (),
        smoothing: float = 0.0,
    ) -> None:
        self.model, self.smoothing = model, smoothing
        self.rates_said = {model.sample_rate}
        found = [each for path in paths for each in find_recordings(path)]
        added = ["" if each.channel is None else f"#{each.channel}" for each in found]
        keys = [(each.key.removesuffix(end), end) for each, end in zip(found, added, strict=True)]
        named = dict(sorted(zip(result_names(keys, taken), found, strict=True))[:max_utterances])
        self.recordings = named
        self.utterances = [self._utterance(name, named[name]) for name in named]

    def _utterance(self, name: str, recording: Recording) -> Utterance:
        path, speaker = recording.path, recording.speaker
        is_there = os.path.isfile(path) and path.stat().st_size > 0  # of any name, even too long
        digest = _sha256(path) if is_there else ""
        length = _expected_samples(path, self.model.sample_rate) if is_there else 0
        if recording.part is not None and length:
            begin, stop = recording.part.samples(length, self.model.sample_rate)
            length = stop - begin
        return Utterance(name, speaker or None, printable(str(path)), digest, length)

    def content(self, utterance: Utterance) -> Content:
        """Returns the codes of a recording; its result is as long as the recording."""
        samples = _Samples(self, utterance)
        codes = smoothed_blocks(self.model, samples, self.smoothing)
        return Content(codes, samples.count)

    def blocks(self, utterance: Utterance) -> Iterator[Tensor]:
        """Yields samples (n,) int16 at the model's rate, some in all.  Raises AudioError.

        Training refuses constant recordings, but they can be reconstructed.
        """
        recording = self.recordings[utterance.name]
        rate = self.model.sample_rate
        stream = RecordingStream(recording.path, rate, recording.channel, accept_constant=True)
        for block in _of_part(stream, recording):
            self._log_rate(stream.source_rate)
            yield torch.from_numpy(block)

    def _log_rate(self, source_rate: int) -> None:
        if source_rate not in self.rates_said:
            self.rates_said.add(source_rate)
            logger.info(
                "recordings at %d Hz are resampled to the model's %d Hz",
                *(source_rate, self.model.sample_rate),
            )


class _Samples:
    """Blocks of samples of a recording on the model's device, decoded each time they are read.

    Attributes:
        count: Samples of the blocks that were read last.
    """

    def __init__(self, recordings: Recordings, utterance: Utterance) -> None:
        self.recordings, self.utterance = recordings, utterance
        self.count = 0

    def __iter__(self) -> Iterator[Tensor]:
        self.count = 0
        for block in self.recordings.blocks(self.utterance):
            self.count += len(block)
            yield block.to(self.recordings.model.device)


def find_recordings(path: Path) -> list[Recording]:
    """Lists the recordings in a file, a folder or a table (.tsv); unknown speakers are empty."""
    path = path.expanduser()
    if os.path.isdir(path):
        found = _named_input(FolderSource(str(path)).recordings)
        loose = [each for each in found if "/" not in each.key]
        if loose:
            logger.info(
                "recordings directly in %s, in no speaker's folder: %d; their speaker is unknown",
                *(path, len(loose)),
            )
        kept = [each for each in found if "/" in each.key]
        return [*kept, *(Recording(each.key, each.path, speaker="") for each in loose)]
    if path.suffix.lower() == ".tsv":
        return _named_input(TableSource(str(path)).recordings)
    logger.info("the speaker of a single recording is unknown: %s", path)
    return [Recording(path.name, path.absolute(), speaker="")]


def _of_part(stream: RecordingStream, recording: Recording) -> Iterator[np.ndarray]:
    """Yields the blocks of a stream that are in the part that a recording is, or all of them."""
    if recording.part is None:
        yield from stream
        return
    try:
        yield from recording.part.of_blocks(stream, stream.sample_rate)
    except AudioError:
        raise
    except UserError as error:  # the part goes beyond the recording
        raise AudioError(recording.path, str(error)) from None


def _named_input(listing: Callable[[], list[Recording]]) -> list[Recording]:
    """Calls `listing`, whose errors name settings of training, and renames them to `input`."""
    try:
        return listing()
    except UserError as error:
        text = str(error)
        for setting in ("data.source.root", "data.source.path"):
            text = text.replace(setting, "input")
        raise UserError(text) from None


def _expected_samples(path: Path, sample_rate: int) -> int:
    """Returns the length that a file's header gives, which may be wrong; 0 where it gives none."""
    try:
        header = soundfile.info(os.fsencode(path))
    except (soundfile.LibsndfileError, TypeError, OSError):
        return 0  # reading it will give the reason
    if header.frames >= UNKNOWN_FRAMES or not header.samplerate:
        return 0
    return ceil(header.frames * sample_rate / header.samplerate)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
