"""Recordings to files of codes, or of vectors where the bottleneck is continuous."""

from __future__ import annotations

import logging
import time

from wavenet_ae.audio.io import AudioError
from wavenet_ae.generation.code_files import (
    UNITS_TABLE,
    has_codes,
    read_codes,
    write_codes,
    write_table,
)
from wavenet_ae.generation.progress import Meter
from wavenet_ae.generation.recordings import Recordings
from wavenet_ae.generation.result_store import Provenance
from wavenet_ae.generation.utterances import Utterance
from wavenet_ae.threads import AdaptedTorch

logger = logging.getLogger(__name__)


def encode_all(
    source: Recordings, wanted: list[Utterance], provenance: Provenance, meter: Meter
) -> int:
    """Encode what is wanted, and list the codes of all that the folder has; returns how many
    recordings failed."""
    num_failed = 0
    with AdaptedTorch() as threads:
        for utterance in wanted:
            try:
                _encode(source, utterance, provenance, meter)
            except AudioError as error:
                num_failed += 1
                logger.warning("skipped: %s", error)
            threads.next_piece()
    if has_codes(source.model):
        folder, there = provenance.folder, provenance.all_there()
        write_table(folder / UNITS_TABLE, there, lambda name: read_codes(folder / f"{name}.npy"))
    return num_failed


def _encode(source: Recordings, utterance: Utterance, provenance: Provenance, meter: Meter) -> None:
    began = time.monotonic()
    content = source.content(utterance)
    assert content.codes is not None
    provenance.forget(utterance)
    write_codes(provenance.result(utterance), content.codes.cpu().numpy())
    seconds = content.num_samples / source.model.sample_rate
    provenance.write(utterance, utterance.speaker, time.monotonic() - began, seconds)
    meter.add(seconds, num_done=1)
