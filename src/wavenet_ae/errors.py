"""Errors that a user can mend: root scripts print their text alone, without a stack trace."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user gave cannot be used.  The text names key or file, value and remedy."""


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` where one of `known` is like `name`, else what there is."""
    names = sorted(str(each) for each in known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f" Did you mean {close[0]!r}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f" There are: {shown}." if names else ""
