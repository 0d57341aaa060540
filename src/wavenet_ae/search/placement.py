"""Check of the device on which a run of a sweep computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wavenet_ae.errors import UserError


def require_one_device(config: Mapping[str, Any]) -> None:
    """Checks that a run of a sweep uses one device.

    With several devices, Lightning would start their processes with the sweep's own command, and
    each process would start a sweep.

    Args:
        config: Plain configuration of the run.

    Raises:
        UserError: If the run asks for several devices.
    """
    trainer = config.get("trainer")
    devices = trainer.get("devices", 1) if isinstance(trainer, Mapping) else 1
    if devices != 1 and not (isinstance(devices, list) and len(devices) == 1):
        raise UserError(
            f"trainer.devices is {devices!r}, but a run of a sweep computes on one device: remove "
            "trainer=ddp, and use hydra/launcher=local to train several runs side by side"
        )
