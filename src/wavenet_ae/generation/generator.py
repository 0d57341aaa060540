"""Utterances side by side, each into its file, sample by sample."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch

from wavenet_ae.audio.io import AudioError
from wavenet_ae.engines import Engine, Sampling, stream_seed
from wavenet_ae.generation.progress import Meter
from wavenet_ae.generation.result_store import Provenance
from wavenet_ae.generation.streaming_writer import StreamingWriter
from wavenet_ae.generation.utterances import Content, Source, Utterance
from wavenet_ae.models import GenerativeModel
from wavenet_ae.models.roles import Conditioning
from wavenet_ae.models.sampling import synthesize

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Spoken:
    """An utterance that is to be spoken.  `is_wanted`: it is not there yet."""

    utterance: Utterance
    voice: str | None
    is_wanted: bool


def in_groups(spoken: Sequence[Spoken], streams: int) -> list[list[Spoken]]:
    """Groups of utterances of about the same length, the longest first.

    Rounding depends on how many streams run side by side, and on a stream's place among them; so
    that a draw never falls otherwise when work is continued, groups are formed of all utterances,
    and what is there is made again beside what is not.
    """
    ordered = sorted(spoken, key=lambda each: (-each.utterance.num_samples, each.utterance.name))
    groups = [ordered[first : first + streams] for first in range(0, len(ordered), streams)]
    return [group for group in groups if any(each.is_wanted for each in group)]


class Speaker:
    """Speaks groups of utterances from a source into files.

    num_failed  wanted utterances so far whose recording could not be used
    """

    def __init__(
        self,
        model: GenerativeModel,
        engine: Engine,
        source: Source,
        sampling: Sampling,
        seed: int,
        provenance: Provenance,
    ) -> None:
        self.model, self.engine, self.source = model, engine, source
        self.sampling, self.seed, self.provenance = sampling, seed, provenance
        self.num_failed = 0

    def speak(self, group: Sequence[Spoken], meter: Meter) -> None:
        """Files that are complete stay, whatever happens to the others."""
        began = time.monotonic()
        usable = [(each, content) for each in group if (content := self._content(each))]
        if not any(each.is_wanted for each, _ in usable):
            return
        with ExitStack() as stack:
            files = [self._file(stack, each) if each.is_wanted else None for each, _ in usable]
            left = [content.num_samples for _, content in usable]
            for chunks in self._chunks(usable):
                for row, (file, chunk) in enumerate(zip(files, chunks, strict=True)):
                    if file is None or not len(chunk):
                        continue
                    left[row] -= len(chunk)
                    file.write(chunk)
                    if not left[row]:
                        file.finish()
                        self._finish(*usable[row], time.monotonic() - began)
                    meter.add(len(chunk) / self.model.sample_rate, num_done=not left[row])
                if not any(n for n, file in zip(left, files, strict=True) if file is not None):
                    break  # what goes on is there already

    def _file(self, stack: ExitStack, spoken: Spoken) -> StreamingWriter:
        """That of an utterance, which is removed with the stack unless it is finished."""
        self.provenance.forget(spoken.utterance)
        path = self.provenance.result(spoken.utterance)
        return stack.enter_context(StreamingWriter(path, self.model.sample_rate))

    def _content(self, spoken: Spoken) -> Content | None:
        try:
            return self.source.content(spoken.utterance)
        except AudioError as error:
            if spoken.is_wanted:
                self.num_failed += 1
                logger.warning("skipped: %s", error)
            return None

    def _finish(self, spoken: Spoken, content: Content, took: float) -> None:
        seconds = content.num_samples / self.model.sample_rate
        self.provenance.write(spoken.utterance, spoken.voice, took, seconds)

    def _chunks(self, usable: Sequence[tuple[Spoken, Content]]) -> Iterator[list[np.ndarray]]:
        contents = [content for _, content in usable]
        unknown = self.model.unknown_speaker
        rows = [
            unknown if each.voice is None else self.model.speaker_row(each.voice)
            for each, _ in usable
        ]
        seeds = [stream_seed(self.seed, each.utterance.name) for each, _ in usable]
        conditioning = self._conditioning(contents)
        speaker = torch.tensor(rows)
        return synthesize(self.model, self.engine, conditioning, speaker, seeds, self.sampling)

    def _conditioning(self, contents: Sequence[Content]) -> Conditioning:
        codes = [each.codes for each in contents if each.codes is not None]
        return self.model.conditioning(codes or None, [each.num_samples for each in contents])
