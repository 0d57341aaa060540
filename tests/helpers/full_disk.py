"""A disk that is full, for real: files cannot grow beyond a size, or a file system has no space."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def files_limited_to(num_bytes: int) -> Iterator[None]:
    """Makes this process fail to write more than `num_bytes` into any file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)


def can_mount() -> bool:
    """Whether this user may mount a file system of their own."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True).returncode == 0


def on_small_disk(
    folder: Path, kib: int, command: Sequence[str], **options: object
) -> subprocess.CompletedProcess[str]:
    """Runs a command for which `folder` is a file system of so many KiB."""
    script = f'mount -t tmpfs -o size={kib}k none "$0" && exec "$@"'
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        ["unshare", "-rm", "sh", "-c", script, str(folder), *command],
        capture_output=True,
        text=True,
        **options,
    )
