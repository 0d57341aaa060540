"""Utterances generated in batches, each written to its file as its samples are made."""

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
from wavenet_ae.generation.result_store import ResultStore
from wavenet_ae.generation.streaming_writer import StreamingWriter
from wavenet_ae.generation.utterances import Content, Utterance, UtteranceSource
from wavenet_ae.models import GenerativeModel
from wavenet_ae.models.roles import Conditioning
from wavenet_ae.models.sampling import synthesize
from wavenet_ae.progress import AudioProgress

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """An utterance to generate.

    Args:
        utterance: What.
        speaker: As whom; None: the unknown speaker.
        is_wanted: Whether it does not exist yet.
    """

    utterance: Utterance
    speaker: str | None
    is_wanted: bool


def in_batches(requests: Sequence[Request], batch_size: int) -> list[list[Request]]:
    """Returns batches of utterances of about the same length, the longest first.

    Rounding depends on the size of a batch, and on an utterance's place in it.  So that no sample
    changes when work is continued, batches are formed of all utterances, and what exists is
    generated again beside what does not.  Batches in which all exists are left out.
    """
    ordered = sorted(requests, key=lambda each: (-each.utterance.num_samples, each.utterance.name))
    batches = [ordered[first : first + batch_size] for first in range(0, len(ordered), batch_size)]
    return [batch for batch in batches if any(each.is_wanted for each in batch)]


class UtteranceGenerator:
    """Generates batches of utterances from a source into files.

    `num_failed` counts the wanted utterances so far whose recording could not be used.

    Args:
        model: What generates.
        engine: Steps its decoder.
        source: Where the utterances come from.
        sampling: How levels are sampled.
        seed: With an utterance's name, of its random numbers.
        results: Where the recordings go.
    """

    def __init__(
        self,
        model: GenerativeModel,
        engine: Engine,
        source: UtteranceSource,
        sampling: Sampling,
        seed: int,
        results: ResultStore,
    ) -> None:
        self.model, self.engine, self.source = model, engine, source
        self.sampling, self.seed, self.results = sampling, seed, results
        self.num_failed = 0

    def generate(self, batch: Sequence[Request], progress: AudioProgress) -> None:
        """Generates a batch; files that are complete stay, whatever happens to the others."""
        began = time.monotonic()
        usable = [(each, content) for each in batch if (content := self._content(each))]
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
                    progress.add(len(chunk) / self.model.sample_rate, num_done=not left[row])
                if not any(n for n, file in zip(left, files, strict=True) if file is not None):
                    break  # what is not complete yet exists already

    def _file(self, stack: ExitStack, request: Request) -> StreamingWriter:
        """Opens the file of an utterance, which is removed with the stack unless it is finished."""
        self.results.forget(request.utterance)
        path = self.results.file(request.utterance)
        return stack.enter_context(StreamingWriter(path, self.model.sample_rate))

    def _content(self, request: Request) -> Content | None:
        try:
            return self.source.content(request.utterance)
        except AudioError as error:
            if request.is_wanted:
                self.num_failed += 1
                logger.warning("skipped: %s", error)
            return None

    def _finish(self, request: Request, content: Content, took: float) -> None:
        seconds = content.num_samples / self.model.sample_rate
        self.results.record(request.utterance, request.speaker, took, seconds)

    def _chunks(self, usable: Sequence[tuple[Request, Content]]) -> Iterator[list[np.ndarray]]:
        contents = [content for _, content in usable]
        unknown = self.model.unknown_speaker
        rows = [
            unknown if each.speaker is None else self.model.speaker_row(each.speaker)
            for each, _ in usable
        ]
        seeds = [stream_seed(self.seed, each.utterance.name) for each, _ in usable]
        conditioning = self._conditioning(contents)
        speaker = torch.tensor(rows)
        return synthesize(self.model, self.engine, conditioning, speaker, seeds, self.sampling)

    def _conditioning(self, contents: Sequence[Content]) -> Conditioning:
        codes = [each.codes for each in contents if each.codes is not None]
        return self.model.conditioning(codes or None, [each.num_samples for each in contents])
