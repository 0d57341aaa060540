"""What a doctor knows of a run: its configuration and its newest figures."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

KEPT_LOOKS = 20

Look = Mapping[str, float]  # figures that were logged together


class History:
    """The last looks at a run, newest last: `training`, at logged steps, and `validation`.

    config          the run's plain configuration
    possible_codes  different codes that a global batch could have, of one codebook; 0: no codes
    """

    def __init__(self, config: Mapping[str, Any], possible_codes: int = 0) -> None:
        self.config = config
        self.possible_codes = possible_codes
        self.training: deque[Look] = deque(maxlen=KEPT_LOOKS)
        self.validation: deque[Look] = deque(maxlen=KEPT_LOOKS)

    def last(self, watched: str, count: int) -> list[Look]:
        """The last so many looks, as far as there are so many."""
        return list(getattr(self, watched))[-count:]

    def setting(self, key: str) -> Any:
        """A value of the configuration by its dotted key; KeyError where it has none."""
        value: Any = self.config
        for part in key.split("."):
            if not isinstance(value, Mapping):
                raise KeyError(key)
            value = value[part]
        return value

    def has_logged(self, figure: str) -> bool:
        """Whether the newest look at training had a figure."""
        return bool(self.training) and figure in self.training[-1]

    def has(self, key: str) -> bool:
        try:
            return self.setting(key) is not None
        except KeyError:
            return False
