"""Runs of a sweep: one process at a time in a folder, and one device for each run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError
from wavenet_ae.ownership import sole_use, use_in_turn
from wavenet_ae.runs import RunFolder


def sole_search(folder: Path) -> AbstractContextManager[None]:
    """Holds the lock of a search in `folder`; a second search is refused with `InUse`."""
    advice = "wait for that search, or set hydra.sweep.dir to another folder"
    return sole_use(folder, advice, folder / "search.lock")


def run_in_turn(folder: Path) -> AbstractContextManager[None]:
    """Holds the lock of a run in `folder`, waiting while another process trains there.

    The processes of a launcher outlive a sweep that is killed. When the sweep continues, it must
    not train in the same folder at the same time.
    """
    return use_in_turn(RunFolder(folder).lock, "still trains here")


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
