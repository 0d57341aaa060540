"""Errors that a user can fix: commands print their text alone, without a stack trace.

Beside them what texts are made of.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Raised if something the user gave cannot be used.

    The text names the key or file, the value, and the remedy.
    """


class ArgumentError(UserError, ValueError):
    """Raised if a function is given an argument that it cannot use.

    The text names the argument, its value, and what is accepted.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns a hint for an unknown name, to be appended to an error message.

    Args:
        name: The unknown name.
        known: The names that exist.

    Returns:
        ` Did you mean 'x'?` if a known name is similar, else a list of at most 12 known names, or
            an empty string without any.
    """
    names = sorted(str(each) for each in known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f" Did you mean {close[0]!r}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f" There are: {shown}." if names else ""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Returns a number of things in words: `1 recording`, `2 recordings`.

    Args:
        number: How many.
        noun: One of them.
        plural: Several of them; None: `noun` with an s.
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
