"""The contract of a part of an evaluation.

A part is a file in parts/ with a `PART`:

    def evaluate_pauses(context: Context, progress: Progress) -> Iterator[ResultTable]:
        ...
        yield ResultTable("pauses", keys=["system"], rows=[...])

    PART = Part("pauses", order=45, needs={"codes", "labels"}, run=evaluate_pauses)

`wavenet-ae evaluate metrics=[pauses]` finds it.  The words of its tables are in
report/table_words.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Set
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np

from wavenet_ae.data.corpus import PackedCorpus
from wavenet_ae.evaluation import parts
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.dataset import EvaluationDataset
from wavenet_ae.evaluation.labeled_corpus import LabeledCorpus, find_labels, report_damaged
from wavenet_ae.evaluation.results import ResultTable
from wavenet_ae.metrics.pretrained import missing_packages
from wavenet_ae.models import Autoencoder, CodeModel, GenerativeModel, SpeechModel
from wavenet_ae.progress import Progress
from wavenet_ae.targets import Target

Need = Literal["codes", "likelihood", "audio", "labels", "pretrained"]


@dataclass(frozen=True)
class Context:
    """The model, speech and configuration that a part measures with.

    Attributes:
        model: In evaluation mode, on the device of the part.
        dataset: The corpus and the rows of the split.
        config: The whole configuration.
        folder: Folder for files, which belong into a folder named after the part.
    """

    model: SpeechModel
    dataset: EvaluationDataset
    config: EvaluationConfig
    folder: Path

    @property
    def code_model(self) -> CodeModel:
        """The model, for a part that needs `codes`."""
        assert isinstance(self.model, CodeModel)
        return self.model

    @property
    def generative_model(self) -> GenerativeModel:
        """The model, for a part that needs `likelihood` or `audio`."""
        assert isinstance(self.model, GenerativeModel)
        return self.model

    @property
    def autoencoder(self) -> Autoencoder:
        """The model, for a part that needs `codes` and `audio`."""
        assert isinstance(self.model, Autoencoder)
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

    @cached_property
    def labeled(self) -> LabeledCorpus:
        """Utterances with labels, of all splits; there may be none."""
        labeled = find_labels(self.corpus, self.dataset.paths(), self.config)
        report_damaged(labeled, self.folder, self.config.max_rejected_labels)
        return labeled


@dataclass(frozen=True)
class Part:
    """One part of an evaluation.

    Attributes:
        id: Name of its file.
        order: Parts run in ascending order.
        run: Measures, and yields tables.
        needs: What the model and the data must have: `codes` a bottleneck, `likelihood` a decoder,
            `audio` a target with a way back to a waveform, `labels` recordings with labels,
            `pretrained` the packages of `wavenet_ae.metrics.pretrained`.
            Where they lack it, the part is skipped, or refused if it was asked for by name.
        uses: What it measures more with.
        reads: Parts whose tables and files it reads, and which run with it.
        is_on_cpu: Whether its work is mainly that of numpy and scikit-learn.
    """

    id: str
    order: int
    run: Callable[[Context, Progress], Iterable[ResultTable]]
    needs: Set[Need] = frozenset()
    uses: Set[Need] = frozenset()
    reads: Set[str] = frozenset()
    is_on_cpu: bool = False


class SkipPart(Exception):
    """Raised by a part that finds nothing to measure, with the id of the reason."""


def model_lacks(model: SpeechModel) -> set[Need]:
    """Returns what a part may need and this model does not have."""
    lacking: set[Need] = set()
    if not isinstance(model, CodeModel):
        lacking.add("codes")
    if not isinstance(model, GenerativeModel):
        lacking |= {"likelihood", "audio"}
    elif type(model.target).to_waveform is Target.to_waveform:
        lacking.add("audio")
    return lacking


def environment_lacks() -> set[Need]:
    """Returns what a part may need and is not installed."""
    return {"pretrained"} if missing_packages() else set()


def find_parts(ids: Collection[str] = ()) -> list[Part]:
    """Returns the parts with these ids, or all parts, in the order that they declare.

    The parts that they read are among them.
    """
    found: dict[str, Part] = {}
    left = list(ids or parts.part_ids())
    while left:
        id = left.pop()
        found[id] = import_module(f"{parts.__name__}.{id}").PART
        left += found[id].reads - found.keys()
    return sorted(found.values(), key=lambda part: part.order)
