"""Recordings to files of codes, or of vectors where the bottleneck is continuous."""

from __future__ import annotations

import logging
import time

from wavenet_ae.audio.io import AudioError
from wavenet_ae.generation.code_files import (
    UNITS_TABLE,
    read_codes,
    write_codes,
    write_table,
)
from wavenet_ae.generation.recordings import Recordings
from wavenet_ae.generation.result_store import ResultStore
from wavenet_ae.generation.utterances import Utterance
from wavenet_ae.progress import AudioProgress

logger = logging.getLogger(__name__)


def encode_all(
    source: Recordings, wanted: list[Utterance], results: ResultStore, progress: AudioProgress
) -> int:
    """Encodes recordings, and writes a table of all codes that the folder then has.

    Args:
        source: Of the recordings.
        wanted: Those to encode.
        results: Where their codes go.
        progress: Counts what is done.

    Returns:
        How many recordings could not be used.
    """
    num_failed = 0
    for utterance in wanted:
        try:
            _encode(source, utterance, results, progress)
        except AudioError as error:
            num_failed += 1
            logger.warning("skipped: %s", error)
    if source.model.has_codes:
        folder, there = results.folder, results.all_there()
        write_table(folder / UNITS_TABLE, there, lambda name: read_codes(folder / f"{name}.npy"))
    return num_failed


def _encode(
    source: Recordings, utterance: Utterance, results: ResultStore, progress: AudioProgress
) -> None:
    began = time.monotonic()
    content = source.content(utterance)
    assert content.codes is not None
    results.forget(utterance)
    write_codes(results.file(utterance), content.codes.cpu().numpy())
    seconds = content.num_samples / source.model.sample_rate
    results.record(utterance, utterance.speaker, time.monotonic() - began, seconds)
    progress.add(seconds, num_done=1)
