"""Lightning data module that packs recordings and serves windows in a keyed order."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.data.corpus import CATALOGUE, PackedCorpus
from wavenet_ae.data.feature_means import FeatureMeans
from wavenet_ae.data.order import WindowOrder
from wavenet_ae.data.packing import pack
from wavenet_ae.data.recordings import Source
from wavenet_ae.data.splits import Splits
from wavenet_ae.data.windows import (
    TrainingWindows,
    ValidationWindows,
    WindowReader,
    mixed_batches,
    tiling_windows,
)
from wavenet_ae.errors import UserError, counted
from wavenet_ae.randomness import keyed_permutation
from wavenet_ae.schema import Fraction01, NonNegative, Positive, PositiveFraction, PositiveNumber
from wavenet_ae.types import Batch, Position

logger = logging.getLogger(__name__)

NUM_SHOWN = 5  # recordings that a line of the log names
# Keys of the configuration that decide what a position depends on.
SET_BY = {
    "corpus fingerprint": "the recordings of data.source and data.splits",
    "window samples": "data.window_seconds in samples",
    "slice length": "samples that the model reads for a window",
    "buffer samples": "data.buffer_seconds in samples",
    **{
        key: f"data.{key}"
        for key in (
            *("batch_size", "windows_per_speaker", "buffer_fraction", "padding", "limit"),
            "overfit",
        )
    },
}


class SpeechData(pl.LightningDataModule):
    """Recordings of a source as batches of windows, in an order that is a function of position.

    Args:
        source: Source of the recordings.
        sample_rate: Rate of the windows in Hz.
        seed: Key of the order.
        cache_dir: Folder for packed corpora.
        splits: Assignment of recordings to splits.
        window_seconds: Predicted audio per window; a multiple of the model's code hop.
        batch_size: Windows of a global batch, over all processes.
        windows_per_speaker: Windows of one speaker that a batch has side by side.
        buffer_seconds: Audio whose windows are shuffled together.
        buffer_fraction: Fraction of a buffer's windows that an epoch serves.
        validation_seconds: Held-out audio at each validation, at most.
        padding: With `silence`, windows also reach into digital silence around utterances.
        max_rejected: Fraction of the recordings that may be unusable.
        num_packing_processes: Processes that decode recordings; None to choose automatically.
        limit: Number of training utterances to use; 0 for all.
        overfit: Train and validate on the first N batches; 0 for off.

    Attributes:
        position: Position of the next batch to train on.
    """

    def __init__(
        self,
        source: Source,
        sample_rate: int,
        seed: int,
        cache_dir: str,
        splits: Splits,
        window_seconds: PositiveNumber = 0.16,
        batch_size: Positive = 8,
        windows_per_speaker: Positive = 1,
        buffer_seconds: PositiveNumber = 3600.0,
        buffer_fraction: PositiveFraction = 1.0,
        validation_seconds: PositiveNumber = 60.0,
        padding: Literal["valid", "silence"] = "valid",
        max_rejected: Fraction01 = 0.02,
        num_packing_processes: NonNegative | None = None,
        limit: NonNegative = 0,
        overfit: NonNegative = 0,
    ) -> None:
        super().__init__()
        self.source, self.splits, self.cache_dir = source, splits, cache_dir
        self.sample_rate, self.seed = sample_rate, seed
        self.window_seconds = window_seconds
        self.batch_size, self.windows_per_speaker = batch_size, windows_per_speaker
        self.buffer_samples = round(buffer_seconds * sample_rate)
        self.buffer_fraction = buffer_fraction
        self.validation_samples = round(validation_seconds * sample_rate)
        self.padding, self.max_rejected = padding, max_rejected
        self.num_packing_processes = num_packing_processes
        self.limit, self.overfit = limit, overfit
        self.position = Position()

    def prepare_data(self) -> None:
        """Packs the recordings, unless they are packed already."""
        if hasattr(self, "packed"):
            return
        self.packed = pack(
            *(self.source, self.cache_dir, self.sample_rate, self.splits),
            max_rejected=self.max_rejected,
            num_workers=self.num_packing_processes,
            is_validated=not self.overfit,  # else on the training batches
        )

    def open(self) -> PackedCorpus:
        """Returns the packed corpus; packs it first if necessary."""
        if not hasattr(self, "corpus"):
            self.prepare_data()
            self.corpus = PackedCorpus(self.packed)
        return self.corpus

    @property
    def num_targets(self) -> int:
        """Predicted samples per window."""
        return self.plan.num_samples

    @property
    def mean_validation_seconds(self) -> float:
        """Mean length of the utterances of the validation."""
        reader = self.training if self.overfit else self.validation
        return float(reader.lengths.mean()) / self.sample_rate

    @property
    def training_speakers(self) -> list[str]:
        """Sorted names of the speakers in training."""
        rows = np.unique(self.corpus.speaker[self._training_rows()])
        return [self.corpus.speakers[row] for row in rows]

    def use(self, plan: WindowPlan, feature_means: FeatureMeans | None = None) -> None:
        """Serves the windows of `plan`, and warns of recordings that are too short for them.

        Args:
            plan: Where the parts of a window lie.
            feature_means: What features are centered on, where that is not the corpus's mean.
        """
        self.plan = plan
        margins = plan.margins if self.padding == "silence" else (0, 0)
        self.training, self.validation = (
            WindowReader(self.corpus, rows, plan.slice_length, margins, feature_means)
            for rows in (self._training_rows(), self.corpus.rows("validation"))
        )
        for name, reader in (("training", self.training), ("validation", self.validation)):
            self._report_short(name, reader)
        self.order = self._order("training", self.windows_per_speaker)

    def _training_rows(self) -> np.ndarray:
        rows = self.corpus.rows("train")
        return rows[: self.limit] if self.limit else rows

    def _report_short(self, name: str, reader: WindowReader) -> None:
        short = reader.rows[reader.lengths < reader.slice_length]
        if not len(short):
            return
        shown = ", ".join(self.corpus.keys[row] for row in short[:NUM_SHOWN])
        if len(short) > NUM_SHOWN:
            catalogue = self.corpus.folder / CATALOGUE
            shown += f" and {len(short) - NUM_SHOWN} more, see the column length of {catalogue}"
        logger.warning(
            "%d of %s are shorter than a window with its margins (%.2f s, %d samples) and are "
            "not used: %s.  A smaller data.window_seconds would use some of them",
            *(len(short), counted(len(reader.rows), f"{name} recording")),
            *(reader.slice_length / self.sample_rate, reader.slice_length, shown),
        )

    def _order(self, purpose: str, windows_per_speaker: int = 1) -> WindowOrder:
        return WindowOrder(
            lengths=self.training.lengths,
            slice_length=self.plan.slice_length,
            num_targets=self.num_targets,
            batch_size=self.batch_size,
            seed=self.seed,
            buffer_samples=self.buffer_samples,
            buffer_fraction=self.buffer_fraction,
            purpose=purpose,
            speakers=self.corpus.speaker[self.training.rows],
            windows_per_speaker=windows_per_speaker,
        )

    def train_dataloader(self) -> DataLoader[Batch]:
        """Returns an endless loader of training batches from `position` on.

        Raises:
            UserError: If the processes cannot share a batch equally.
        """
        rank, size = self._process
        if self.batch_size % size:
            raise UserError(
                f"data.batch_size is {self.batch_size}, which {size} processes cannot share: "
                f"set a multiple of {size}"
            )
        windows = TrainingWindows(
            self.training, self.order, self.position, rank, size, self.overfit
        )
        return DataLoader(windows, batch_size=None, pin_memory=torch.cuda.is_available())

    def val_dataloader(self) -> DataLoader[Batch]:
        """Returns a loader of this process's validation batches.

        The batches are the same for any number of processes. With fewer batches than processes,
        each process gets all of them: a process without any would miss the collective operations.

        Raises:
            UserError: If the validation split has fewer than two windows.
        """
        rank, size = self._process
        reader, batches = self._validation_batches()
        share = batches[rank::size] if len(batches) >= size else batches
        return DataLoader(ValidationWindows(reader, share), batch_size=None)

    @property
    def _process(self) -> tuple[int, int]:
        """Rank of this process, and the number of processes."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _validation_batches(self) -> tuple[WindowReader, list[np.ndarray]]:
        if self.overfit:
            batches = [self.order.windows(Position(0, each)) for each in range(self.overfit)]
            windows = np.concatenate(batches)
            return self.training, mixed_batches(windows, np.arange(len(windows)), self.batch_size)
        windows = tiling_windows(self.validation.lengths, self.plan.slice_length, self.num_targets)
        wanted = max(self.validation_samples // self.num_targets, 2)
        if len(windows) < 2:
            raise UserError(
                "the validation split has no two windows of "
                f"{self.plan.slice_length / self.sample_rate:.2f} s: its recordings are too short "
                "or too few; raise data.splits.validation or lower data.window_seconds"
            )
        permutation = keyed_permutation(len(windows), self.seed, "validation")[:wanted]
        return self.validation, mixed_batches(windows, permutation, self.batch_size)

    def sample(self, num_batches: int, purpose: str) -> Iterator[Batch]:
        """Yields training batches in an order of their own; they do not count as consumed.

        Args:
            num_batches: Number of batches.
            purpose: Key of the order; orders of different purposes are independent.
        """
        order, position = self._order(purpose), Position()
        for _ in range(num_batches):
            position = order.normalize(position)
            yield self.training.batch(order.windows(position))
            position = Position(position.epoch, position.batch + 1)

    def consume(self, batch: Batch) -> None:
        """Records that a batch has been trained on."""
        assert batch.position is not None, "validation batches have no position"
        self.position = Position(batch.position.epoch, batch.position.batch + 1)

    def _order_settings(self) -> dict[str, Any]:
        """Returns everything that the meaning of a position depends on."""
        return {
            "corpus fingerprint": self.corpus.fingerprint,
            "seed": self.seed,
            "window samples": self.num_targets,
            "slice length": self.plan.slice_length,
            "batch_size": self.batch_size,
            "windows_per_speaker": self.windows_per_speaker,
            "buffer samples": self.buffer_samples,
            "buffer_fraction": self.buffer_fraction,
            "padding": self.padding,
            "limit": self.limit,
            "overfit": self.overfit,
        }

    def state_dict(self) -> dict[str, Any]:
        """Returns the position and the settings that define its meaning."""
        position = {"epoch": self.position.epoch, "batch": self.position.batch}
        return {"position": position, "order": self._order_settings()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the position.

        Raises:
            UserError: If the data differ from the checkpoint's.
        """
        now = self._order_settings()
        then = {"windows_per_speaker": 1, **state_dict["order"]}  # which earlier ones do not name
        changed = [
            f"{SET_BY.get(key, key)}: {then.get(key)} then, {now[key]} now"
            for key in now
            if now[key] != then.get(key)
        ]
        if changed:
            raise UserError(
                "the data differ from the checkpoint's, so its position in them has no meaning: "
                + "; ".join(changed)
                + ".  Restore these settings, or start a new run, with the weights of this one by "
                "init_from="
            )
        self.position = Position(**state_dict["position"])
