"""Whether the results of runs say which model is better."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wavenet_ae.resume import values_by_key

# Settings that decide which samples validate.
OF_THE_SAMPLES = (
    *("sample_rate", "data.source", "data.splits", "data.validation_seconds"),
    *("data.window_seconds", "data.padding"),
)


def warnings(configs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yields a sentence for each setting that makes validations measure different samples."""
    for key in OF_THE_SAMPLES:
        below = {json.dumps(_below(config, key), sort_keys=True) for config in configs}
        if len(below) > 1:
            yield f"{key} differs among these runs: results on different samples cannot be compared"


def speech_warnings(evaluations: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yields a sentence if evaluations are of different speech.

    Args:
        evaluations: The speech of each, by fingerprint and split.
    """
    if any(each != evaluations[0] for each in evaluations[1:]):
        yield "evaluations are of different speech or splits: their metrics cannot be compared"


def _below(config: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Returns the values of a key and of all keys below it, without those that are null."""
    return {
        each: value
        for each, value in values_by_key(config).items()
        if value is not None and f"{each}.".startswith(f"{key}.")
    }
