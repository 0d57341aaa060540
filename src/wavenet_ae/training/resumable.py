"""What a resume may change; all else would make it another run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

WATCHING = (
    *("codebook", "posterior", "latents", "dead_units", "bottleneck_gradient", "weight_updates"),
    *("decoder", "waveform", "doctor", "wandb_media", "audio_samples"),
)
MAY_CHANGE = (
    "trainer.max_steps",
    "trainer.max_time",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "trainer.log_every_n_steps",
    "trainer.profiler",
    "trainer.detect_anomaly",
    "data.cache_dir",
    "data.num_packing_processes",
    "data.source.root",  # the corpus may have moved: its fingerprint is compared
    "data.source.path",
    "data.source.download",
    "callbacks.checkpoints.every_n_steps",
    "callbacks.checkpoints.keep",
    "callbacks.progress.",
    "callbacks.threads",
    "callbacks.threads.",
    *(f"callbacks.{name}" for name in WATCHING),
    *(f"callbacks.{name}." for name in WATCHING),
    "logger.",
)
PLACES = ("name", "run_folder")


def may_change(key: str) -> bool:
    """Whether a value may be another after a resume; names ending in a dot stand for all below."""
    return any(key == each or (each[-1] == "." and key.startswith(each)) for each in MAY_CHANGE)


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """`key: value then, value now` of all that may not change and has."""
    before, after = dict(_leaves(then)), dict(_leaves(now))
    return [
        f"{key}: {before.get(key)!r} then, {after.get(key)!r} now"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and key not in PLACES and not may_change(key)
    ]


def _leaves(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
