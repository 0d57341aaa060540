"""Packing: every recording is decoded once, into int16 shards that are read window by window.

    recordings --chunks--> processes --> CACHE/AUDIO/shard-00000.bin   samples
                                                     shard-00000.tsv   result for each recording
                                         CACHE/AUDIO/rejected.tsv      unusable ones and reasons
    shards, parts and splits         --> CACHE/AUDIO/SPLITS/catalogue.tsv

AUDIO is a hash of everything that decides the samples: each file's name, size and time, its
channel, the rate and the format's version. SPLITS is a hash of the catalogue, so that other splits
and parts of the same audio decode nothing. Files appear under their final name only when they are
complete.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from wavenet_ae.data.catalogue import write_catalogue, write_if_changed
from wavenet_ae.data.recordings import Recording, Source
from wavenet_ae.data.shards import Chunk, Packed, pack_chunk, plan
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.tables import encoded_table
from wavenet_ae.data.utterances import utterances_of
from wavenet_ae.errors import UserError, counted
from wavenet_ae.ownership import use_in_turn
from wavenet_ae.progress import Progress
from wavenet_ae.storage import NotWritten

logger = logging.getLogger(__name__)

# A new process may take 2 s to import torch, in which this one decodes about 64 MiB of FLAC.
# Opening a file takes as long as decoding FILE_BYTES of it.
IN_PROCESS_BYTES = 128 << 20
FILE_BYTES = 12 << 10


def pack(
    source: Source,
    cache_dir: str,
    sample_rate: int,
    splits: Splits,
    max_rejected: float = 0.02,
    num_workers: int | None = None,
    is_validated: bool = True,
) -> Path:
    """Packs the recordings of a source, unless they are packed already.

    Unusable recordings are listed in `rejected.tsv` and logged as a warning. Any number of runs may
    call this at the same time.

    Args:
        source: Source of the recordings.
        cache_dir: Folder for packed corpora, outside the recordings' folder.
        sample_rate: Rate of the packed samples in Hz.
        splits: Assignment of recordings to splits.
        max_rejected: Fraction of the recordings that may be unusable.
        num_workers: Processes that decode; 0 for this process alone, None to choose automatically.
        is_validated: Whether the validation split is needed; if not, it may be empty.

    Returns:
        Folder of the packed corpus, which `PackedCorpus` opens.

    Raises:
        UserError: If a setting is invalid, too many recordings are unusable, none is left, a split
            is empty, or the cache lies among the recordings or cannot be written.
    """
    _check_settings(sample_rate, max_rejected, num_workers)
    source.prepare()
    recordings = source.recordings()
    _check_keys(recordings)
    whole = list({each.whole.key: each.whole for each in recordings}.values())
    chunks = plan(whole, _cache_folder(source, cache_dir), sample_rate)
    with _errors_of(cache_dir):
        _decode_missing(chunks, num_workers)
        folder = chunks[0].table.parent
        rows = [row for chunk in chunks for row in chunk.rows()]
        _report(rows, folder, max_rejected)
        utterances = utterances_of(recordings, _usable(chunks, rows), sample_rate)
        return write_catalogue(utterances, splits, folder, sample_rate, is_validated)


def _check_settings(sample_rate: int, max_rejected: float, num_workers: int | None) -> None:
    if sample_rate <= 0:
        raise UserError(f"data.sample_rate={sample_rate}: set a rate in Hz")
    if not 0 <= max_rejected <= 1:
        raise UserError(f"data.max_rejected={max_rejected}: set a fraction from 0 to 1")
    if num_workers is not None and num_workers < 0:
        raise UserError(f"data.num_packing_processes={num_workers}: set 0 or more, or null")


def _check_keys(recordings: Sequence[Recording]) -> None:
    if not recordings:
        raise UserError("data.source lists no recordings: check its root or path")
    seen: dict[str, Recording] = {}
    for recording in recordings:
        if recording.key in seen:
            other = seen[recording.key]
            raise UserError(
                f"{recording.path} and {other.path} have one key, {recording.key}: rename one"
            )
        for name in (recording.key, recording.speaker, recording.labels):
            if "\r" in name:  # the only character that a table cannot quote
                raise UserError(f"{name!r} has a carriage return in its name: rename it")
        seen[recording.key] = recording


def _cache_folder(source: Source, cache_dir: str) -> Path:
    cache, root = Path(cache_dir).expanduser().resolve(), source.root.resolve()
    if cache.is_relative_to(root):
        raise UserError(
            f"data.cache_dir={cache_dir} lies inside {root}, where the recordings are: set a "
            "folder outside it"
        )
    return cache


def _decode_missing(chunks: Sequence[Chunk], num_workers: int | None) -> None:
    if all(chunk.is_packed for chunk in chunks):
        return
    _check_not_importing_main()
    folder = chunks[0].table.parent
    folder.mkdir(parents=True, exist_ok=True)
    with use_in_turn(folder.with_suffix(".lock"), "packs this corpus"):
        # This process holds the lock, so these are leftovers of a killed run. Only shards: lists
        # and catalogues are not written under the lock and may belong to a run in progress.
        for partial in folder.glob(".shard-*.partial"):
            partial.unlink()
        missing = [chunk for chunk in chunks if not chunk.is_packed]
        if missing:
            total = sum(len(chunk.recordings) for chunk in chunks)
            to_do = sum(len(chunk.recordings) for chunk in missing)
            with Progress("packing", total) as progress:
                done = total - to_do
                for num_decoded in _decoded(missing, _processes(missing, num_workers)):
                    done += num_decoded
                    progress.at(done, f"packing: {done}/{counted(total, 'recording')}")
            rejected = sum(bool(row.reason) for chunk in missing for row in chunk.rows())
            packed = f"{to_do - rejected} of " if rejected else ""
            logger.info("packed %s into %s", packed + counted(to_do, "recording"), folder)


def _check_not_importing_main() -> None:
    """Refuses to pack while a decoding process imports the script that was run.

    Decoding processes import that script. If it packs again when it is imported, the process would
    wait for a lock that its own parent holds.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # set by Python meanwhile
        raise UserError(
            "this script packs recordings when it is imported, and the processes that decode them "
            "import it: put its work under `if __name__ == '__main__':`"
        )


def _processes(chunks: Sequence[Chunk], num_workers: int | None) -> int:
    """Returns how many processes to start; 0 to decode in this one."""
    if num_workers is None:
        work = sum(chunk.num_bytes + FILE_BYTES * len(chunk.recordings) for chunk in chunks)
        if work < IN_PROCESS_BYTES:
            return 0
        affinity = getattr(os, "sched_getaffinity", None)  # clusters restrict a job to some cores
        num_workers = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(num_workers, len(chunks))


def _decoded(chunks: Sequence[Chunk], num_processes: int) -> Iterator[int]:
    """Yields how many recordings were packed, after each chunk."""
    if num_processes == 0:
        yield from map(pack_chunk, chunks)
        return
    pool = ProcessPoolExecutor(
        num_processes,
        mp_context=multiprocessing.get_context("spawn"),  # fork and torch's threads do not mix
        initializer=_start_worker,
    )
    try:
        for future in as_completed([pool.submit(pack_chunk, chunk) for chunk in chunks]):
            yield future.result()
    except BrokenProcessPool as error:
        raise UserError(
            "a process that decoded recordings was killed, perhaps for lack of memory: lower "
            "data.num_packing_processes and run again; finished shards are kept"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # for torch, which resampling imports
    if torch := sys.modules.get("torch"):  # already imported by the script that was run
        torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this worker when its parent is killed; it would wait for work forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _report(rows: Sequence[Packed], folder: Path, max_rejected: float) -> None:
    """Logs what was changed or rejected; raises UserError if too much was rejected."""
    rejected = [row for row in rows if row.reason]
    listed = folder / "rejected.tsv"
    write_if_changed(
        listed, encoded_table([("utterance", "reason"), *((r.key, r.reason) for r in rejected)])
    )
    total = counted(len(rows), "recording")
    mixed = sum(row.num_mixed > 1 for row in rows)
    clipped = sum(row.num_clipped > 0 for row in rows)
    if mixed:
        logger.info("%d of %s: the mean of their channels", mixed, total)
    if clipped:
        logger.info("%d of %s go beyond full scale: clipped", clipped, total)
    if not rejected:
        return
    shown = "".join(f"\n  {row.key}: {row.reason}" for row in rejected[:5])
    shown += "\n  ..." if len(rejected) > 5 else ""
    text = f"{len(rejected)} of {total} cannot be used, see {listed}:{shown}"
    if len(rejected) == len(rows) or len(rejected) > max_rejected * len(rows):
        raise UserError(
            f"{text}\nFix or remove them, or allow more: data.max_rejected={max_rejected:g} of "
            f"all. (To read unchanged files again, delete {folder}.)"
        )
    logger.warning("%s", text)


def _usable(chunks: Sequence[Chunk], rows: Sequence[Packed]) -> dict[str, tuple[Path, Packed]]:
    """Returns the shard and the result of each usable recording, by its key."""
    shards = [chunk.samples for chunk in chunks for _ in chunk.recordings]
    both = zip(shards, rows, strict=True)
    return {row.key: (shard, row) for shard, row in both if not row.reason}


@contextmanager
def _errors_of(cache_dir: str) -> Iterator[None]:
    """Turns an OSError into a UserError about the cache.

    Recordings that fail are rejected, so an OSError here is the cache's, usually a full disk.
    """
    try:
        yield
    except (OSError, NotWritten) as error:
        own = error if isinstance(error, NotWritten) else NotWritten(Path(cache_dir), error)
        remedy = "Free some space, or set" if own.is_full else "Set"
        where = "a folder on another disk" if own.is_full else "a folder that can be written"
        raise UserError(
            f"data.cache_dir={cache_dir} cannot be written: {own.reason}. {remedy} {where}; "
            "finished shards are kept, and packing continues from them."
        ) from error
