"""Restoring a run from a checkpoint: what does not fit the run is one clear error.

A checkpoint is plain data, but its values may have been altered. Lightning and torch would raise
whatever they raise, in the middle of restoring it or many steps later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from wavenet_ae.checkpoint_model import config_of
from wavenet_ae.errors import UserError
from wavenet_ae.models.build import model_config
from wavenet_ae.reading import shown
from wavenet_ae.resume import values_by_key
from wavenet_ae.schema import StepCount, accepts

MOMENTS = {"step", "exp_avg", "exp_avg_sq"}  # of Adam, for each parameter
REMEDY = "remove it to continue from the one before it, or start a new run"


def require_same_model(config: Mapping[str, Any], path: Path, content: Mapping[str, Any]) -> None:
    """Requires that a run's configuration describes the model that its checkpoint holds.

    Args:
        config: Configuration of the run.
        path: The checkpoint.
        content: What it holds.

    Raises:
        DamagedCheckpoint: The checkpoint describes no model.
        UserError: They differ, since one of the files has been altered.
    """
    then = config_of(path, content)
    before, now = values_by_key(then), values_by_key(model_config(config))
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            raise UserError(
                f"{key} is {shown(now.get(key))} in the configuration of the run, but "
                f"{shown(before.get(key))} in its checkpoint {path}: restore the file that has "
                "been altered"
            )


def require_like(found: Any, wanted: Any, path: Path, key: str) -> None:
    """Requires that plain values of a checkpoint are of the same kinds as a run's own.

    Args:
        found: Values of the checkpoint.
        wanted: The run's own, before it is restored.
        path: The checkpoint.
        key: Where the values stand in it.

    Raises:
        UserError: A value is missing or is of another kind.
    """
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            require_like(found.get(name), value, path, f"{key}.{name}")
    elif not _is_like(found, wanted):
        raise UserError(f"the checkpoint {path} is damaged: {key} is {shown(found)}; {REMEDY}")


def _is_like(value: object, wanted: object) -> bool:
    if isinstance(wanted, tuple | list):
        return (
            isinstance(value, tuple | list)
            and len(value) == len(wanted)
            and all(map(_is_like, value, wanted))
        )
    if isinstance(wanted, float):
        return accepts(value, float)
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        return accepts(value, StepCount)
    return type(value) is type(wanted)


class _Restored(pl.Callback):
    """Checks what has been restored, just before training begins.

    Args:
        step: Optimizer steps that the checkpoint says to have.

    Attributes:
        is_restoring: Whether Lightning is ready to read the checkpoint, or has read it.
        has_begun: Whether training has begun with what was restored.
    """

    def __init__(self, step: int) -> None:
        self.step, self.is_restoring, self.has_begun = step, False, False

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.is_restoring = True

    def require_step(self, trainer: pl.Trainer) -> None:
        """Raises ValueError where the restored loops are at another step."""
        if trainer.global_step != self.step:
            raise ValueError(f"its loops are at step {trainer.global_step}, not at {self.step}")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.require_step(trainer)
        for optimizer in trainer.optimizers:
            _require_states_fit(optimizer)
        for each in trainer.lr_scheduler_configs:
            rates, last = each.scheduler.base_lrs, each.scheduler.last_epoch
            if not accepts(rates, Sequence[float]) or not accepts(last, StepCount):
                raise ValueError(f"learning rates are {shown(rates)} at step {shown(last)}")
        self.has_begun = True


def _require_states_fit(optimizer: Optimizer) -> None:
    for group in optimizer.param_groups:
        for key, default in optimizer.defaults.items():
            if not _is_like(group.get(key), default):
                raise ValueError(f"{key} of the optimizer is {shown(group.get(key))}")
        for parameter in group["params"]:
            state = optimizer.state.get(parameter, {})
            if set(state) not in (set(), MOMENTS):
                raise ValueError(f"a state of the optimizer has {shown([*state])}")
            for name, value in state.items():
                shape = () if name == "step" else parameter.shape
                if not isinstance(value, Tensor) or value.shape != shape:
                    raise ValueError(f"{name} of the optimizer is {shown(value)}")


@contextmanager
def restoring(trainer: pl.Trainer, path: Path, content: Mapping[str, Any]) -> Iterator[None]:
    """Turns errors of restoring a checkpoint in the block into a UserError that names it.

    Args:
        trainer: Which restores it.
        path: The checkpoint.
        content: What it holds.

    Raises:
        UserError: It does not fit the run.
    """
    own = {"fit_loop": trainer.fit_loop.state_dict(), "validate_loop": {}}
    require_like(content.get("loops"), own, path, "loops")
    restored = _Restored(int(content["global_step"]))
    trainer.callbacks.insert(0, restored)  # type: ignore[attr-defined]
    try:
        yield
        if not restored.has_begun:  # Lightning begins nothing where the last step is reached
            restored.require_step(trainer)
    except (UserError, OSError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # torch and Lightning raise any where a value does not fit
        if restored.has_begun or not restored.is_restoring:
            raise
        reason = str(error).strip().split("\n")[-1].strip()
        raise UserError(
            f"the checkpoint {path} does not fit this run ({type(error).__name__}: {reason}): "
            f"{REMEDY}"
        ) from error
