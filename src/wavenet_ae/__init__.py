"""Learn discrete or continuous units from raw speech."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wavenet_ae.loading import load
    from wavenet_ae.sharing.saving import push_to_hub, save_pretrained

__all__ = ["load", "push_to_hub", "save_pretrained"]

MODULES = {"load": "loading", "push_to_hub": "sharing.saving", "save_pretrained": "sharing.saving"}


def __getattr__(name: str) -> Any:
    # torch is imported with the first use of a function, not with the package: `--help` and the
    # worker processes that synthesize or pack recordings do without it.
    if name in MODULES:
        return getattr(importlib.import_module(f"{__name__}.{MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
