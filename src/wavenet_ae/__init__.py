"""Learn discrete or continuous units from raw speech."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wavenet_ae.loading import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    # torch is imported with the first use of `load`, not with the package: `--help` and the
    # worker processes that synthesize or pack recordings do without it.
    if name == "load":
        from wavenet_ae.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
