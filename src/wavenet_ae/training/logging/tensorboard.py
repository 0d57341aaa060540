"""TensorBoard, continued by a resume."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml
from matplotlib.image import imread
from pytorch_lightning.loggers import TensorBoardLogger

from wavenet_ae.runs import RunFolder
from wavenet_ae.training.logging.base import Histogram, RunLogger


class TensorBoard(RunLogger, TensorBoardLogger):
    """Event files for `tensorboard --logdir <run folder>`.

    Args:
        run_folder: The run's folder.
        first_step: Where a resumed run continues: what was logged from this step on is hidden.
    """

    def __init__(self, run_folder: str, first_step: int) -> None:
        folder = RunFolder(run_folder).tensorboard
        super().__init__(
            str(folder.parent), name="", version=folder.name, purge_step=first_step or None
        )

    def add_config(
        self, config: Mapping[str, Any], provenance: Mapping[str, Any], step: int
    ) -> None:
        """Writes configuration and provenance as texts."""
        for name, values in (("config", config), ("provenance", provenance)):
            text = yaml.safe_dump(dict(values), sort_keys=False)
            self.experiment.add_text(name, f"```\n{text}```", step)

    def add_histogram(self, name: str, histogram: Histogram, step: int) -> None:
        counts, edges = np.array(histogram.counts), histogram.edges
        centers = (edges[:-1] + edges[1:]) / 2
        self.experiment.add_histogram_raw(
            name,
            min=histogram.low,
            max=histogram.high,
            num=counts.sum(),
            sum=counts @ centers,
            sum_squares=counts @ centers**2,
            bucket_limits=edges[1:].tolist(),
            bucket_counts=histogram.counts,
            global_step=step,
        )

    def add_audio(self, name: str, file: Path, step: int) -> None:
        samples, sample_rate = soundfile.read(file, dtype="float32")
        self.experiment.add_audio(name, samples[None], step, sample_rate)  # (1, T)

    def add_image(self, name: str, file: Path, step: int) -> None:
        pixels = imread(file)[..., :3]  # (H, W, 3)
        self.experiment.add_image(name, pixels, step, dataformats="HWC")
