"""Checkpoint files: checksummed when written, checked when read, plain data only.

A file has two checksums: beside it the SHA-256 of all its bytes, and in it that of its tensors,
which stays with it when it is copied alone.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import pickle
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from wavenet_ae.errors import UserError
from wavenet_ae.model_paths import names_hint
from wavenet_ae.reading import read_bytes, shown
from wavenet_ae.runs import RunFolder
from wavenet_ae.storage import atomic_path, write_bytes
from wavenet_ae.tensors import digest_of_tensors, tensors_in, unplain

logger = logging.getLogger(__name__)

FORMAT = 2  # keys of constructors have been renamed since 1
SECTION = "wavenet_ae"  # what of a checkpoint is ours; the rest is Lightning's
TENSORS_DIGEST = "tensors_sha256"  # in this section


class DamagedCheckpoint(UserError):
    """A checkpoint file that is not as it was written."""


def _checksum_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def write_checkpoint(checkpoint: dict[str, Any], path: Path) -> None:
    """Writes a checkpoint, and beside it its SHA-256 in the form that `sha256sum -c` reads.

    A digest of the tensors is added to its section.  The old checksum is removed first and the new
    one is written last: a crash leaves no checksum, never that of another content.

    Args:
        checkpoint: Tensors and plain values.
        path: The file.

    Raises:
        NotWritten: The disk is full, or the folder cannot be written.
    """
    if SECTION in checkpoint:
        section = {**checkpoint[SECTION], TENSORS_DIGEST: digest_of_tensors(checkpoint)}
        checkpoint = {**checkpoint, SECTION: section}
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    _checksum_file(path).unlink(missing_ok=True)
    write_bytes(path, content)
    _write_checksum(path, digest)


def _write_checksum(path: Path, digest: str) -> None:
    write_bytes(_checksum_file(path), f"{digest}  {path.name}\n".encode())


def _read_checksum(path: Path) -> str | None:
    """Returns the SHA-256 that is kept beside a checkpoint; None where there is none."""
    file = _checksum_file(path)
    if not file.is_file():
        return None
    return read_bytes(file).decode("ascii", "replace").partition(" ")[0]


def link_checkpoint(path: Path, other: Path) -> None:
    """Gives a checkpoint a second name, at no cost in space where the file system has links.

    Args:
        path: A checkpoint, whose checksum is kept too; a crash while it was written leaves it
            without one.
        other: Its second name, which is replaced where it exists.
    """
    digest = _read_checksum(path)
    _checksum_file(other).unlink(missing_ok=True)
    with atomic_path(other) as unfinished:
        try:
            os.link(path, unfinished)
        except OSError:  # a file system without links
            shutil.copyfile(path, unfinished)
    if digest is not None:
        _write_checksum(other, digest)


def is_linked(path: Path, other: Path) -> bool:
    """Returns whether `link_checkpoint` has given a checkpoint its second name, to the end."""
    digest = _read_checksum(path)
    return digest is not None and other.is_file() and _read_checksum(other) == digest


def remove_checkpoint(path: Path) -> None:
    """Removes a checkpoint, if it exists, and its checksum."""
    path.unlink(missing_ok=True)
    _checksum_file(path).unlink(missing_ok=True)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Returns a checkpoint as plain tensors and values, on the CPU.

    Args:
        path: The file.

    Raises:
        DamagedCheckpoint: The file is not as it was written.
        UserError: There is no such file, it holds more than plain data, or it has another format.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise UserError(f"there is no checkpoint {path}.{names_hint(path)}")
    content = _content(path)
    expected = _read_checksum(path)
    if expected is not None and hashlib.sha256(content).hexdigest() != expected:
        raise DamagedCheckpoint(f"the checkpoint {path} is damaged: its SHA-256 is another")
    _check_records(content, path, has_checksum=expected is not None)
    # What is not as it should be in a file that is as it was written is no damage.
    fault = DamagedCheckpoint if expected is None else UserError
    try:
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise fault(
            f"the checkpoint {path} holds more than tensors and plain values and is refused, "
            f"since loading it could run code: {str(error).splitlines()[0]}"
        ) from None
    except Exception as error:  # a damaged pickle can raise any
        raise DamagedCheckpoint(f"the checkpoint {path} is damaged: {error}") from None
    checkpoint = require_format(loaded, path, fault)
    if reason := unplain(checkpoint, len(content)):
        raise DamagedCheckpoint(f"the checkpoint {path} is refused: {reason}")
    if expected is None:
        _check_tensors(checkpoint, path)
    return checkpoint


def _check_records(content: bytes, path: Path, has_checksum: bool) -> None:
    """Checks the records of the zip archive that torch writes.

    They are stored without compression, so that whatever is loaded needs no more memory than the
    file; nothing is unpacked before that is known. Then the CRC-32 of each, which torch writes but
    does not compare, stands in for a checksum that is missing.

    Raises:
        DamagedCheckpoint: The file is no such archive, would unpack to more than it is, or a
            record is not as it was written.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            records = archive.infolist()
            is_stored = all(each.compress_type == zipfile.ZIP_STORED for each in records)
            size = sum(each.file_size for each in records)
            is_bomb = not is_stored or size > len(content)
            damaged = None if has_checksum or is_bomb else archive.testzip()
    except Exception as error:  # a damaged directory can raise any
        raise DamagedCheckpoint(
            f"the checkpoint {path} is damaged, or no checkpoint: {error}"
        ) from None
    if is_bomb:
        raise DamagedCheckpoint(
            f"the checkpoint {path} is refused: it would unpack to {size:,} bytes, but holds "
            f"{len(content):,}; checkpoints are not compressed"
        )
    if damaged is not None:
        raise DamagedCheckpoint(f"the checkpoint {path} is damaged: the CRC-32 of {damaged}")


def _check_tensors(checkpoint: Mapping[str, Any], path: Path) -> None:
    expected = checkpoint[SECTION].get(TENSORS_DIGEST)
    if expected is None:
        logger.warning(
            "the checkpoint %s cannot be checked: there is no %s, nor a digest in it. Only the "
            "CRC-32 of its records is as it was; copy the .sha256 file with a checkpoint",
            *(path, _checksum_file(path).name),
        )
    elif expected != digest_of_tensors(checkpoint):
        raise DamagedCheckpoint(
            f"the checkpoint {path} is damaged: the SHA-256 of its tensors is another"
        )


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except UserError as error:
        raise DamagedCheckpoint(f"the checkpoint {error}") from None


def require_format(checkpoint: Any, path: Path, fault: type[UserError]) -> dict[str, Any]:
    """Returns what a file holds, if it is a checkpoint of this format.

    Args:
        checkpoint: What the file holds.
        path: The file.
        fault: What is raised for anything else than a checkpoint.

    Raises:
        UserError: It is something else, or has another format.
    """
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(SECTION), dict):
        raise fault(f"{path} is not a checkpoint of wavenet_ae")
    found = checkpoint[SECTION].get("format")
    if found is not None and type(found) is not int:
        raise fault(f"the checkpoint {path} is damaged: its format is {shown(found)}")
    if found != FORMAT:
        age = "newer" if found is not None and found > FORMAT else "older"
        raise UserError(
            f"the checkpoint {path} has format {found}, {age} than this version's {FORMAT}: "
            f"use a version of wavenet_ae that is {age} than this one"
        )
    return checkpoint


def newest_checkpoint(run: RunFolder) -> tuple[Path, dict[str, Any]] | None:
    """Returns the newest undamaged checkpoint of a run and its content; None where there is none.

    Checkpoints that are damaged, or from which a run could not train on because weights or moments
    of the optimizer are not finite, are passed over and logged as warnings.

    Raises:
        UserError: There are checkpoints but all are damaged, or one cannot be read for another
            reason than damage: to start over would overwrite what the run has logged.
    """
    paths = run.step_checkpoints()
    for path in reversed(paths):
        try:
            content = read_checkpoint(path)
            _require_step(content, path)
            return path, _require_trainable(content, path)
        except DamagedCheckpoint as error:
            logger.warning("%s; trying the checkpoint before it", error)
    if paths:
        raise UserError(
            f"all checkpoints in {run.checkpoints} are damaged: start a new run, or restore one of "
            "them"
        )
    return None


def _require_step(content: dict[str, Any], path: Path) -> None:
    step = content.get("global_step")
    if type(step) is not int or step < 0:
        raise DamagedCheckpoint(
            f"the checkpoint {path} is damaged: its global_step is {shown(step)}"
        )


def _require_trainable(checkpoint: dict[str, Any], path: Path) -> dict[str, Any]:
    state = {key: checkpoint.get(key, {}) for key in ("state_dict", "optimizer_states")}
    for name, tensor in tensors_in(state):
        if not torch.isfinite(tensor).all():
            raise DamagedCheckpoint(
                f"the checkpoint {path} is damaged: {name[1:]} is NaN or infinite"
            )
    return checkpoint
