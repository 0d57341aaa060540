"""Settings in which runs differ, and those that make their results incomparable."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wavenet_ae.reading import read_yaml
from wavenet_ae.resume import PLACES, may_change, values_by_key

SEED = "seed"
TARGET = "_target_"
# Settings that decide which samples validate.
SAMPLE_SETTINGS = (
    *("sample_rate", "data.source", "data.splits", "data.validation_seconds"),
    *("data.window_seconds", "data.padding"),
)
Names = Mapping[tuple[str, str], str]  # (group, target) -> option


def varied_settings(configs: Sequence[Mapping[str, Any]], names: Names) -> list[dict[str, Any]]:
    """Returns for each configuration the values of all keys whose values differ, the seed last.

    A part that is of another class shows as one key, `bottleneck`, with its option's name where
    `names` has it, else its class's; a key below it counts only where runs of the same class differ
    in it.  Where the run lies, on what it is computed, and what is logged do not count.  An empty
    configuration, of a run that never began, has no values.
    """
    flat = [values_by_key(config) for config in configs]
    known = [each for each in flat if each]
    keys = [key for key in _all_keys(known) if _counts(key) and _differs(key, known)]
    keys.sort(key=lambda key: key == SEED)
    return [
        {_shown(key): _value(key, each, names) for key in keys} if each else {} for each in flat
    ]


def _all_keys(flat: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for each in flat for key in each))


def _counts(key: str) -> bool:
    # How long a run trains may change in a resume, but is a difference between runs.
    return key not in PLACES and (key == "trainer.max_steps" or not may_change(key))


def _differs(key: str, flat: Sequence[Mapping[str, Any]]) -> bool:
    """Returns whether a key varies among runs whose parts around it are of the same classes."""
    around = key.split(".")[: -2 if key.endswith(f".{TARGET}") else -1]
    targets = [".".join([*around[: end + 1], TARGET]) for end in range(len(around))]
    values: dict[tuple[Any, ...], Any] = {}
    for each in flat:
        value = each.get(key)
        if value != values.setdefault(tuple(each.get(target) for target in targets), value):
            return True
    return False


def _shown(key: str) -> str:
    return key.removesuffix(f".{TARGET}")


def _value(key: str, values: Mapping[str, Any], names: Names) -> Any:
    value = values.get(key)
    if value is None or _shown(key) == key:
        return value
    return names.get((_shown(key), value), value.rpartition(".")[2])


def option_names(conf: Path) -> Names:
    """Returns the options of all groups whose target no other option of their group has."""
    found = []
    for path in sorted(conf.glob("*/*.yaml")):
        node = read_yaml(path)
        if isinstance(node, Mapping) and TARGET in node:
            found.append(((path.parent.name, str(node[TARGET])), path.stem))
    times = Counter(key for key, _ in found)
    return {key: option for key, option in found if times[key] == 1}


def without_seed(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns what runs have in common that differ in their seed alone."""
    return tuple(repr(value) for key, value in settings.items() if key != SEED)


def in_words(value: Any) -> str:
    """Returns a value for people, who need no more than four digits."""
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def short_names(keys: Sequence[str]) -> list[str]:
    """Shortens `optimizer.learning_rate` to its last word, unless another key ends in it too."""
    times = Counter(key.rpartition(".")[2] for key in keys)
    return [key.rpartition(".")[2] if times[key.rpartition(".")[2]] == 1 else key for key in keys]


def sample_warnings(configs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yields a sentence for each setting that makes validations measure different samples."""
    for key in SAMPLE_SETTINGS:
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
