"""What is to be made: its name, and what it is made from when its turn comes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

from torch import Tensor

from wavenet_ae.errors import UserError


@dataclass(frozen=True)
class Utterance:
    """One file to make.

    name         its path in the folder of results, without a suffix; it keys the random numbers
    speaker      who speaks in the input; None: nobody that is known
    origin       the input, for people
    digest       of the input: its SHA-256, which another one never has
    num_samples  about how long it will be, at the model's rate
    """

    name: str
    speaker: str | None
    origin: str
    digest: str
    num_samples: int


@dataclass(frozen=True)
class Content:
    """What an utterance says.

    codes        (N,) or (Q, N), or vectors (D, N); None where it is made up
    num_samples  exactly how long it will be
    """

    codes: Tensor | None
    num_samples: int


class Source(Protocol):
    """Where utterances come from."""

    @property
    def utterances(self) -> Sequence[Utterance]:
        """All of them, in order of their names."""

    def content(self, utterance: Utterance) -> Content:
        """Raises AudioError where a recording cannot be used."""


class Unconditional:
    """`count` utterances of `num_samples` that a model without codes makes up."""

    def __init__(self, count: int, num_samples: int) -> None:
        names = [f"sample-{number:04d}" for number in range(1, count + 1)]
        self.utterances = [Utterance(name, None, "", "", num_samples) for name in names]

    def content(self, utterance: Utterance) -> Content:
        return Content(None, utterance.num_samples)


def printable(text: str) -> str:
    """A path whose bytes need not be UTF-8 as text that can be printed, written and hashed."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def result_names(keys: Sequence[tuple[str, str]], taken: Sequence[str] = ()) -> list[str]:
    """Names of results from unique pairs of a path and what is added to it (`#channel`, or "").

    The path mirrors the input's and has no suffix, but keeps it where two would share a name, or
    the name is `taken`.  Raises UserError where two share a name even so.
    """
    inside = [(_inside(path), added) for path, added in keys]
    short = [os.path.splitext(path)[0] + added for path, added in inside]
    num_shared = Counter([*short, *taken])
    names = [
        path + added if num_shared[name] > 1 else name
        for (path, added), name in zip(inside, short, strict=True)
    ]
    owners: dict[str, str] = {}
    for name, (path, _) in zip(names, keys, strict=True):
        if name in owners:
            raise UserError(
                f"{printable(owners[name])} and {printable(path)} would both make "
                f"{printable(name)}: rename one, or give them in two commands with two out="
            )
        owners[name] = path
    return [printable(name) for name in names]


def _inside(path: str) -> str:
    """A path that leads nowhere else: without a root and without `..`."""
    parts = [part for part in PurePath(path).parts if part not in ("/", "..", ".")]
    return "/".join(parts)
