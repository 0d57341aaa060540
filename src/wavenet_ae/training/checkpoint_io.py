"""Lightning's checkpoints, written and read by `wavenet_ae.checkpoint`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning_fabric.plugins import CheckpointIO

from wavenet_ae.checkpoint import read_checkpoint, remove_checkpoint, write_checkpoint


class DurableCheckpointIO(CheckpointIO):
    """Checkpoints that are synced to disk and checked when read, as Lightning's own are not."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        write_checkpoint(checkpoint, Path(path))

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return read_checkpoint(path)

    def remove_checkpoint(self, path: str | Path) -> None:
        remove_checkpoint(Path(path))
