"""Catalogue of a packed corpus: its utterances, each in a split and with its place in a shard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wavenet_ae.data.corpus import CATALOGUE, COLUMNS, HEADER, PART_COLUMNS, encoded_header
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.tables import digest_of, encoded_table
from wavenet_ae.data.time_splits import cut_by_time
from wavenet_ae.data.utterances import Utterance, digests_of
from wavenet_ae.errors import UserError
from wavenet_ae.storage import write_bytes


def write_catalogue(
    utterances: Sequence[Utterance],
    splits: Splits,
    folder: Path,
    sample_rate: int,
    is_validated: bool = True,
) -> Path:
    """Assigns utterances to splits and lists them.

    Args:
        utterances: Usable utterances, in order of their keys.
        splits: Assignment to splits.
        folder: Folder of the shards.
        sample_rate: Rate in Hz.
        is_validated: Whether the validation split is needed; if not, it may be empty.

    Returns:
        Folder of the packed corpus, inside `folder`.

    Raises:
        UserError: If a split that is needed is empty, two utterances have one key, or the samples
            of a recording of which only parts are used are damaged.
    """
    assigned = _assigned(utterances, splits, sample_rate, is_validated)
    assigned = sorted(assigned, key=lambda each: each[0].key)
    listed = [utterance for utterance, _ in assigned]
    digests = digests_of(listed, folder)
    # Whole recordings alone are listed as they were before there were parts.
    has_parts = not all(each.is_whole for each in listed)
    rows = encoded_table(
        _row(each, split, digest, has_parts)
        for (each, split), digest in zip(assigned, digests, strict=True)
    )
    columns = (*COLUMNS, *PART_COLUMNS) if has_parts else COLUMNS
    folder, catalogue = folder / f"splits-{digest_of(rows)}", encoded_table([columns]) + rows
    write_if_changed(folder / HEADER, encoded_header(sample_rate, catalogue))
    write_if_changed(folder / CATALOGUE, catalogue)
    return folder


def _assigned(
    utterances: Sequence[Utterance], splits: Splits, sample_rate: int, is_validated: bool
) -> list[tuple[Utterance, str]]:
    """Utterances and their splits; of few recordings, pieces of them."""
    sources = [each.source for each in utterances]
    if not is_validated:
        found = [splits.of(source) for source in sources]
        if "train" in found:
            return list(zip(utterances, found, strict=True))
    if not splits.is_by_time(sources):
        return list(zip(utterances, splits.assign(sources), strict=True))
    pieces = cut_by_time(utterances, splits, sample_rate)
    keys = [piece.key for piece, _ in pieces]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise UserError(f"{twice} is a recording and a piece of one that is cut: rename it")
    return pieces


def _row(utterance: Utterance, split: str, digest: str, has_parts: bool) -> tuple[object, ...]:
    source = utterance.source
    row = (
        *(utterance.key, source.speaker, split),
        "" if source.channel is None else source.channel,
        *(utterance.shard.name, utterance.first, utterance.length, digest, source.labels),
    )
    return (*row, utterance.packed.key, utterance.begin) if has_parts else row


def write_if_changed(path: Path, data: bytes) -> None:
    """Writes a file unless it exists with this content, as in a cache that others made."""
    if path.is_file() and path.read_bytes() == data:
        return
    write_bytes(path, data)
