"""What the root scripts share: how a command ends."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

from wavenet_ae.errors import UserError

T = TypeVar("T")
MENDABLE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)


def guarded(work: Callable[[], T]) -> T:
    """Do `work`; a mistake that the user can mend ends with its text alone and exit code 1."""
    try:
        return work()
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno not in MENDABLE:
            raise
        sys.exit(f"error: {error.filename or 'a file'} cannot be written: {error.strerror}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
