"""Where a run of a sweep may compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wavenet_ae.errors import UserError


def require_one_device(config: Mapping[str, Any]) -> None:
    """Raises UserError where a run asks for several devices.

    Lightning would start their processes by the sweep's own command, and each of them a sweep.
    """
    trainer = config.get("trainer")
    devices = trainer.get("devices", 1) if isinstance(trainer, Mapping) else 1
    if devices != 1 and not (isinstance(devices, list) and len(devices) == 1):
        raise UserError(
            f"trainer.devices is {devices!r}, but a run of a sweep computes on one device: leave "
            "out trainer=ddp, and train several runs side by side by hydra/launcher=local"
        )
