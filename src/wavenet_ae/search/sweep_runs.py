"""Folders and devices of a sweep's runs: one process at a time in a folder, one device a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig, OmegaConf, read_write

from wavenet_ae.errors import UserError
from wavenet_ae.ownership import sole_use, use_in_turn
from wavenet_ae.runs import RunFolder

NAMED_BY_SECOND = re.compile(r"\$\{now:[^}]*%S")  # in the value of hydra.sweep.dir


def claim_folder(config: DictConfig) -> None:
    """Makes the folder of a sweep that is named by the second in which it starts.

    Where another sweep has the name, this one takes the first free one of `<folder>_1`,
    `<folder>_2`, ... A folder with any other name is left as it is: the same command continues a
    sweep there.

    Args:
        config: Configuration of the sweep, with Hydra's own. Its `hydra.sweep.dir` is changed, also
            for the runs, which Hydra composes again.
    """
    written = OmegaConf.to_container(config.hydra.sweep, resolve=False)
    if not isinstance(written, dict) or not NAMED_BY_SECOND.search(str(written["dir"])):
        return
    named = Path(config.hydra.sweep.dir)
    chosen = _made(named)
    if chosen != named:
        quoted = QuotedString(str(chosen), Quote.single).with_quotes()
        with read_write(config.hydra):
            config.hydra.sweep.dir = str(chosen)
            config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted}")


def _made(folder: Path) -> Path:
    """Makes a folder, and returns its path: with the first number that gives a name of its own."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for number in count():
        chosen = folder.with_name(f"{folder.name}_{number}") if number else folder
        with suppress(FileExistsError):
            chosen.mkdir()
            break
    return chosen


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
