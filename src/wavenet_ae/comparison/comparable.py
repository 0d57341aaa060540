"""Whether the NLLs of runs say which model is better."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# What decides which samples a NLL is of.
OF_THE_SAMPLES = (
    *("sample_rate", "data.source", "data.splits", "data.validation_seconds"),
    *("data.window_seconds", "data.padding"),
)


def warnings(configs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A sentence for each setting that makes the runs' NLLs answer different questions."""
    for key in OF_THE_SAMPLES:
        values = {json.dumps(_value(config, key), sort_keys=True) for config in configs}
        if len(values) > 1:
            yield f"{key} differs among these runs: NLLs of other samples cannot be compared"


def _value(config: Mapping[str, Any], key: str) -> Any:
    value: Any = config
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
