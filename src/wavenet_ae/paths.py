"""Keys of configurations whose values are paths."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any

# Of the run's configuration, by which a later command finds files again: they are kept absolute.
SOURCE_KEYS = ("data.root", "data.path", "data.source.root", "data.source.path", "data.cache_dir")
RUN_KEYS = (*SOURCE_KEYS, "init_from", "objective.masked_prediction.targets")
# Of all commands. A value is taken as the shell passes it, whatever characters it has.
PATH_KEYS = frozenset(
    {
        *(*RUN_KEYS, "run_folder", "resume", "hydra.run.dir", "hydra.sweep.dir"),
        *("checkpoint", "checkpoints", "report", "out", "labels", "mapping"),
        *("input", "codes", "runs", "evaluations", "source"),
    }
)


def as_path(value: str) -> str:
    """Returns a path with the home folder in the place of a leading `~`."""
    return os.path.expanduser(value)


def unquoted(value: str) -> str:
    """Returns a path without the quotes that Hydra would take off elsewhere.

    What exists under the name with quotes is meant by it.
    """
    if os.path.lexists(as_path(value)):
        return as_path(value)
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return as_path(value[1:-1] if is_quoted else value)


def keep_absolute(config: MutableMapping[str, Any]) -> None:
    """Makes the paths of a run's plain configuration absolute, in place."""
    for key in RUN_KEYS:
        *groups, name = key.split(".")
        node: Any = config
        for group in groups:
            node = node.get(group) if isinstance(node, MutableMapping) else None
        if isinstance(node, MutableMapping) and isinstance(node.get(name), str):
            node[name] = os.path.abspath(as_path(node[name]))
