"""Keys of configurations whose values are paths."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any

from wavenet_ae.model_paths import checkpoint_in

# Keys of a run's configuration by which a later command finds files; they are kept absolute.
RUN_KEYS = (
    *("data.root", "data.path", "data.source.root", "data.source.path", "data.cache_dir"),
    *("init_from", "encoder.checkpoint", "objective.masked_prediction.targets"),
)
CHECKPOINT_KEYS = ("init_from", "encoder.checkpoint")  # of them, those that name a checkpoint
# Keys of all commands. A value is taken as the shell passes it, whatever characters it has.
PATH_KEYS = frozenset(
    {
        *(*RUN_KEYS, "run_folder", "resume", "hydra.run.dir", "hydra.sweep.dir"),
        *("checkpoint", "checkpoints", "report", "out", "labels", "mapping"),
        *("input", "codes", "runs", "evaluations", "source"),
    }
)
LIST_KEYS = frozenset({"checkpoints", "report", "labels", "runs", "evaluations", "input"})


def unquoted(value: str) -> str:
    """Returns a path without the quotes that Hydra would take off elsewhere.

    What exists under the name with quotes is meant by it.
    """
    if os.path.lexists(os.path.expanduser(value)):
        return os.path.expanduser(value)
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return os.path.expanduser(value[1:-1] if is_quoted else value)


def keep_absolute(config: MutableMapping[str, Any]) -> None:
    """Makes the paths of a run's plain configuration absolute, in place."""
    for key in RUN_KEYS:
        *groups, name = key.split(".")
        node: Any = config
        for group in groups:
            node = node.get(group) if isinstance(node, MutableMapping) else None
        if isinstance(node, MutableMapping) and isinstance(node.get(name), str):
            given = node[name]
            path = checkpoint_in(given) if key in CHECKPOINT_KEYS else os.path.expanduser(given)
            node[name] = os.path.abspath(path)
