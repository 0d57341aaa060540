"""The contract of a part of an evaluation.

A part is a file in parts/ with a `PART`:

    def evaluate_pauses(context: Context, progress: Progress) -> Iterator[ResultTable]:
        ...
        yield ResultTable("pauses", keys=["system"], rows=[...])

    PART = Part("pauses", order=45, needs={"codes", "labels"}, run=evaluate_pauses)

`wavenet-ae evaluate metrics=[pauses]` finds it.  The words of its tables are in report/words.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeGuard

import numpy as np
import torch

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.dataset import EvaluationDataset
from wavenet_ae.evaluation.labeled_corpus import LabeledCorpus, find_labels
from wavenet_ae.evaluation.progress import Progress
from wavenet_ae.evaluation.results import ResultTable
from wavenet_ae.models import WaveformAutoencoder, WaveformModel

Need = Literal["codes", "likelihood", "audio", "labels"]


@dataclass(frozen=True)
class Context:
    """The model, speech and configuration that a part measures with.

    Attributes:
        model: In evaluation mode, on the device of the part.
        dataset: The corpus and the rows of the split.
        config: The whole configuration.
        folder: Folder for files, which belong into a folder named after the part.
    """

    model: WaveformModel
    dataset: EvaluationDataset
    config: EvaluationConfig
    folder: Path

    @property
    def code_model(self) -> WaveformAutoencoder:
        """The model, for a part that needs `codes`."""
        assert has_codes(self.model)
        return self.model

    @property
    def corpus(self) -> PackedCorpus:
        """All utterances, of all splits."""
        return self.dataset.corpus

    @property
    def rows(self) -> np.ndarray:
        """(U,) rows of the utterances of the split."""
        return self.dataset.rows

    @property
    def seed(self) -> int:
        """Seed of all that is random."""
        return self.config.seed

    @property
    def device(self) -> torch.device:
        """Device of the model."""
        return device_of(self.model)

    @cached_property
    def labeled(self) -> LabeledCorpus:
        """Utterances with labels, of all splits; there may be none."""
        return find_labels(self.corpus, self.dataset.paths(), self.config)


@dataclass(frozen=True)
class Part:
    """One part of an evaluation.

    Attributes:
        id: Name of its file.
        order: Parts run in ascending order.
        run: Measures, and yields tables.
        needs: What the model and the data must have; where they lack it, the part is skipped, or
            refused if it was asked for by name.
        uses: What it measures more with.
        is_on_cpu: Whether its work is mainly that of numpy and scikit-learn.
    """

    id: str
    order: int
    run: Callable[[Context, Progress], Iterable[ResultTable]]
    needs: Set[Need] = frozenset()
    uses: Set[Need] = frozenset()
    is_on_cpu: bool = False


class SkipPart(Exception):
    """Raised by a part that finds nothing to measure, with the id of the reason."""


def has_codes(model: WaveformModel) -> TypeGuard[WaveformAutoencoder]:
    """Whether a model has an encoder, a bottleneck and codes."""
    return isinstance(model, WaveformAutoencoder)


def is_generative(model: WaveformModel) -> bool:
    """Whether a model predicts and generates audio."""
    return isinstance(model, WaveformModel)


def device_of(model: WaveformModel) -> torch.device:
    """Device of a model."""
    return next(model.parameters()).device


def model_lacks(model: WaveformModel) -> set[Need]:
    """What a part may need and this model does not have."""
    lacking: set[Need] = set()
    if not has_codes(model):
        lacking.add("codes")
    if not is_generative(model):
        lacking |= {"likelihood", "audio"}
    return lacking
