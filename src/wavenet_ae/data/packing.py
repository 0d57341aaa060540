"""Decode every recording once, into int16 shards that are memory-mapped afterwards.

    recordings --chunks--> processes --> CACHE/AUDIO/shard-00000.bin   samples
                                                     shard-00000.tsv   what became of each recording
                                         CACHE/AUDIO/rejected.tsv      which cannot be used, and why
    shards and splits                --> CACHE/AUDIO/SPLITS/catalogue.tsv

AUDIO is a hash of all that decides the samples: each file's name, size and time, its channel, the
rate and the format's version.  SPLITS is a hash of the catalogue, so that another division of the
same audio decodes nothing.  Files appear under their final name only when they are complete.
"""

from __future__ import annotations

import json
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

from filelock import FileLock, Timeout

from wavenet_ae.data.corpus import CATALOGUE, COLUMNS, FORMAT, HEADER, encoded_table
from wavenet_ae.data.shards import Chunk, Packed, digest_of, pack_chunk, plan
from wavenet_ae.data.sources import Recording, Source
from wavenet_ae.data.splits import Splits
from wavenet_ae.errors import UserError
from wavenet_ae.progress import Progress
from wavenet_ae.storage import NotWritten, write_bytes

logger = logging.getLogger(__name__)

# A new process may import torch for 2 s; in that time this one decodes some 64 MiB of FLAC.  To
# open a file takes as long as to decode FILE_BYTES more of it.
IN_PROCESS_BYTES = 128 << 20
FILE_BYTES = 12 << 10


def pack(
    source: Source,
    cache_dir: str,
    sample_rate: int,
    splits: Splits,
    max_rejected: float = 0.02,
    num_workers: int | None = None,
) -> Path:
    """The folder of the packed corpus, made if it is not there; `PackedCorpus` opens it.

    `num_workers` processes decode; 0 is this process alone, None as many as pay.  Recordings that
    cannot be used are listed in `rejected.tsv` and counted aloud.  Raises UserError if they are
    more than the fraction `max_rejected`, if none is left or a split is empty, if the cache lies
    among the recordings or if it cannot be written.  Any number of runs may call this at once.
    """
    _check_settings(sample_rate, max_rejected, num_workers)
    source.prepare()
    recordings = source.recordings()
    _check_keys(recordings)
    chunks = plan(recordings, _cache_folder(source, cache_dir), sample_rate)
    with _errors_of(cache_dir):
        _decode_missing(chunks, num_workers)
        folder = chunks[0].table.parent
        rows = [row for chunk in chunks for row in chunk.rows()]
        _report(rows, folder, max_rejected)
        return _write_catalogue(_usable(chunks, rows), splits, folder, sample_rate)


def _check_settings(sample_rate: int, max_rejected: float, num_workers: int | None) -> None:
    if sample_rate <= 0:
        raise UserError(f"data.sample_rate={sample_rate}: give a rate in Hz")
    if not 0 <= max_rejected <= 1:
        raise UserError(f"data.max_rejected={max_rejected}: give a fraction from 0 to 1")
    if num_workers is not None and num_workers < 0:
        raise UserError(f"data.num_packing_processes={num_workers}: give 0 or more, or null")


def _check_keys(recordings: Sequence[Recording]) -> None:
    if not recordings:
        raise UserError("data.source lists no recordings")
    seen: dict[str, Recording] = {}
    for recording in recordings:
        if recording.key in seen:
            other = seen[recording.key]
            raise UserError(f"{recording.path} and {other.path} have one key, {recording.key}")
        if "\r" in recording.key:  # all else can be quoted in a table
            raise UserError(f"{recording.key!r} has a carriage return in its name: rename it")
        seen[recording.key] = recording


def _cache_folder(source: Source, cache_dir: str) -> Path:
    cache, root = Path(cache_dir).expanduser().resolve(), source.root.resolve()
    if cache.is_relative_to(root):
        raise UserError(
            f"data.cache_dir={cache_dir} lies inside {root}, where the recordings are: give a "
            "folder outside it"
        )
    return cache


def _decode_missing(chunks: Sequence[Chunk], num_workers: int | None) -> None:
    if all(chunk.is_packed for chunk in chunks):
        return
    _check_not_importing_main()
    folder = chunks[0].table.parent
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder.with_suffix(".lock")):
        # Of a run that was killed, as we hold the lock.  A list or catalogue is not written under
        # it: it may be of a run that has just packed this.
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
                    progress.at(done, f"packing: {done}/{total} recordings")
            logger.info("packed %d recordings into %s", to_do, folder)


def _check_not_importing_main() -> None:
    """A process that decodes imports the script that was run.  If that script packs again when it
    is imported, the process would wait for a lock that its own parent holds."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # Python's own mark
        raise UserError(
            "this script packs recordings when it is imported, and the processes that decode them "
            "import it: put its work under `if __name__ == '__main__':`"
        )


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("another run packs this corpus: waiting for it (%s)", path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _processes(chunks: Sequence[Chunk], num_workers: int | None) -> int:
    """How many processes to start; 0: none, decode here."""
    if num_workers is None:
        work = sum(chunk.num_bytes + FILE_BYTES * len(chunk.recordings) for chunk in chunks)
        if work < IN_PROCESS_BYTES:
            return 0
        affinity = getattr(os, "sched_getaffinity", None)  # a cluster gives a job some cores only
        num_workers = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(num_workers, len(chunks))


def _decoded(chunks: Sequence[Chunk], num_processes: int) -> Iterator[int]:
    """How many recordings were packed, after each chunk."""
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
            "data.num_packing_processes and run again; what is packed is kept"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # of torch, which is imported where rates differ
    if torch := sys.modules.get("torch"):  # or has been, by the script that was run
        torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _report(rows: Sequence[Packed], folder: Path, max_rejected: float) -> None:
    """Say what was not taken as it is; raise where too little is left."""
    rejected = [row for row in rows if row.reason]
    listed = folder / "rejected.tsv"
    _write(listed, encoded_table([("utterance", "reason"), *((r.key, r.reason) for r in rejected)]))
    mixed = sum(row.num_mixed > 1 for row in rows)
    clipped = sum(row.num_clipped > 0 for row in rows)
    if mixed:
        logger.info("%d of %d recordings: the mean of their channels", mixed, len(rows))
    if clipped:
        logger.info("%d of %d recordings go beyond full scale: clipped", clipped, len(rows))
    if not rejected:
        return
    shown = "".join(f"\n  {row.key}: {row.reason}" for row in rejected[:5])
    shown += "\n  ..." if len(rejected) > 5 else ""
    text = f"{len(rejected)} of {len(rows)} recordings cannot be used, see {listed}:{shown}"
    if len(rejected) == len(rows) or len(rejected) > max_rejected * len(rows):
        raise UserError(
            f"{text}\nMend or remove them, or allow more: data.max_rejected={max_rejected:g} of "
            f"all. (To have unchanged files read again, delete {folder}.)"
        )
    logger.warning("%s", text)


def _usable(chunks: Sequence[Chunk], rows: Sequence[Packed]) -> list[tuple[Recording, str, Packed]]:
    """Recording, name of its shard and row of all that can be used."""
    listed = [(each, chunk.samples.name) for chunk in chunks for each in chunk.recordings]
    both = zip(listed, rows, strict=True)
    return [(recording, shard, row) for (recording, shard), row in both if not row.reason]


def _write_catalogue(
    usable: Sequence[tuple[Recording, str, Packed]], splits: Splits, folder: Path, sample_rate: int
) -> Path:
    assigned = splits.assign([recording for recording, _, _ in usable])
    table = (
        (
            *(recording.key, recording.speaker, split),
            "" if recording.channel is None else recording.channel,
            *(shard, row.start, row.length, row.digest, recording.labels),
        )
        for (recording, shard, row), split in zip(usable, assigned, strict=True)
    )
    catalogue = encoded_table(table)
    folder = folder / f"splits-{digest_of(catalogue)}"
    _write(folder / HEADER, json.dumps({"format": FORMAT, "sample_rate": sample_rate}).encode())
    _write(folder / CATALOGUE, encoded_table([COLUMNS]) + catalogue)
    return folder


def _write(path: Path, data: bytes) -> None:
    """Write a file, unless it is there already, as in a cache that others made."""
    if path.is_file() and path.read_bytes() == data:
        return
    write_bytes(path, data)


@contextmanager
def _errors_of(cache_dir: str) -> Iterator[None]:
    """Recordings that fail are rejected, so an OSError here is the cache's: a full disk, mostly."""
    try:
        yield
    except (OSError, NotWritten) as error:
        reason = error.reason if isinstance(error, NotWritten) else error.strerror
        raise UserError(
            f"data.cache_dir={cache_dir} cannot be written: {reason}. Make room, or give "
            "a folder on another disk; what is packed there is kept, and packing goes on from it."
        ) from error
