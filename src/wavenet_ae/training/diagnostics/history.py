"""The configuration of a run and the last metrics that it has logged."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

KEPT_SNAPSHOTS = 20

Snapshot = Mapping[str, float]  # metrics that were logged together


class History:
    """The last snapshots of a run's metrics, the newest last.

    Args:
        config: The run's plain configuration.

    Attributes:
        possible_codes: For each stream of codes by its name, the number of different codes of one
            codebook that a global batch can have.
        vector_dims: For each stream, the channels of its vectors.
        training: Snapshots at logged steps.
        validation: Snapshots at validations.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.possible_codes: dict[str, int] = {}
        self.vector_dims: dict[str, int] = {}
        self.training: deque[Snapshot] = deque(maxlen=KEPT_SNAPSHOTS)
        self.validation: deque[Snapshot] = deque(maxlen=KEPT_SNAPSHOTS)

    def last(self, watched: str, count: int) -> list[Snapshot]:
        """Returns the last `count` snapshots, or as many as there are."""
        return list(getattr(self, watched))[-count:]

    def setting(self, key: str) -> Any:
        """Returns a value of the configuration by its dotted key, or raises KeyError."""
        value: Any = self.config
        for part in key.split("."):
            if not isinstance(value, Mapping):
                raise KeyError(key)
            value = value[part]
        return value

    def has_logged(self, metric: str) -> bool:
        """Returns whether the newest snapshot of training has a metric."""
        return bool(self.training) and metric in self.training[-1]

    def has(self, key: str) -> bool:
        try:
            return self.setting(key) is not None
        except KeyError:
            return False
