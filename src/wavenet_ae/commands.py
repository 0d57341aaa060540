"""What the root scripts share: how a command ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from wavenet_ae.errors import UserError

T = TypeVar("T")


def guarded(work: Callable[[], T]) -> T:
    """Do `work`; a mistake that the user can mend ends with its text alone and exit code 1."""
    try:
        return work()
    except UserError as error:
        sys.exit(f"error: {error}")
