"""The speech on which a model is evaluated."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wavenet_ae.data.corpus import SPLITS, PackedCorpus
from wavenet_ae.data.module import SpeechData
from wavenet_ae.data.splits import Undivided
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.instantiate import instantiate
from wavenet_ae.models import SpeechModel
from wavenet_ae.runs import RunFolder
from wavenet_ae.schema import NonNegative, accepts, require_none
from wavenet_ae.slots import group_problems
from wavenet_ae.stored import read_config

PLACES = ("root", "path")  # keys of a run's data source that say where the data is


@dataclass(frozen=True)
class EvaluationDataset:
    """The data of an evaluation.

    Attributes:
        corpus: All utterances.
        rows: (U,) ascending rows of the utterances of the split.
        node: Configuration of the data.
        data: What was made from it.
    """

    corpus: PackedCorpus
    rows: np.ndarray
    node: Mapping[str, Any]
    data: SpeechData

    def paths(self) -> dict[str, Path]:
        """Returns the files of the recordings by the keys of whole recordings."""
        return {each.whole.key: Path(each.path) for each in self.data.source.recordings()}

    def described(self, model: SpeechModel, split: str) -> dict[str, Any]:
        """Returns the corpus and the split as plain values."""
        corpus, seconds = self.corpus, self.corpus.length / self.corpus.sample_rate
        known = [corpus.speakers[each] in model.speakers for each in corpus.speaker[self.rows]]
        return {
            "fingerprint": corpus.fingerprint,
            "source": dict(self.node["source"]),
            "num_utterances": len(corpus),
            "seconds": float(seconds.sum()),
            "num_speakers": len(corpus.speakers),
            "split": split,
            "split_utterances": len(self.rows),
            "split_seconds": float(seconds[self.rows].sum()),
            "split_utterances_of_known_speakers": sum(known),
            **self._of_training_recordings(),
        }

    def _of_training_recordings(self) -> dict[str, int]:
        """Returns how many utterances are parts of recordings whose other parts are trained on, if
        any.
        """
        corpus = self.corpus
        trained = {corpus.recordings[row] for row in corpus.rows("train")}
        count = sum(
            corpus.recordings[row] in trained and corpus.split[row] != "train" for row in self.rows
        )
        return {"split_utterances_of_training_recordings": count} if count else {}


def open_dataset(model: SpeechModel, config: EvaluationConfig) -> EvaluationDataset:
    """Opens the data of an evaluation, and packs it first if need be.

    Raises:
        UserError: If the split has no utterances, or the recordings are not where they were.
    """
    node, seed = _node_and_seed(config)
    data = instantiate(node, SpeechData, sample_rate=model.sample_rate, seed=seed)
    corpus, split = _opened(data, node, config), config.chosen_split
    rows = np.sort(
        np.concatenate([corpus.rows(each) for each in (SPLITS if split == "all" else (split,))])
    )
    if not len(rows):
        sizes = ", ".join(f"{each}: {len(corpus.rows(each))}" for each in SPLITS)
        raise UserError(
            f"split is {split!r}, but it has no utterances ({sizes}): choose another, or split=all"
        )
    return EvaluationDataset(corpus, rows, node, data)


def _node_and_seed(config: EvaluationConfig) -> tuple[Mapping[str, Any], int]:
    """Returns configuration and seed of the data: the run's own keeps its splits, other data has
    none.
    """
    if not config.is_own_data:
        splits = {"_target_": f"{Undivided.__module__}.{Undivided.__name__}"}
        given = {**(config.data or {}), "splits": splits}
        require_none(group_problems({"data": given}, ["data"]))
        return given, config.seed
    assert config.run_folder is not None
    of_run = _stored_data(RunFolder(config.run_folder))
    node, moved = of_run["data"], config.data or {}
    known = [key for key in PLACES if key in node["source"]]
    for key in moved:
        if key not in known:
            raise UserError(
                f"data.{key} is set, but no data=...: of the run's own data only its place can "
                f"be set ({', '.join(known)})"
            )
    return {**node, "source": {**node["source"], **moved}}, of_run["seed"]


def _stored_data(run: RunFolder) -> Mapping[str, Any]:
    """Returns the configuration of a run, after checking that its data and seed can be used."""
    stored = read_config(run.config)
    if "data" not in stored or not accepts(stored.get("seed"), NonNegative):
        raise UserError(f"{run.config} lacks data or seed, which every run writes: restore it")
    require_none(f"{run.config}: {each}" for each in group_problems(stored, ["data"]))
    return stored


def _opened(data: SpeechData, node: Mapping[str, Any], config: EvaluationConfig) -> PackedCorpus:
    """Opens the corpus; if a run's recordings have moved, the error says how to set the place."""
    try:
        return data.open()
    except UserError as error:
        places = {key: node["source"].get(key) for key in PLACES}
        gone = [
            key
            for key, place in places.items()
            if place and not os.path.exists(Path(place).expanduser())
        ]
        if not config.is_own_data or not gone:
            raise
        remedy = " ".join(f"+data.{key}=<where it is now>" for key in gone)
        raise UserError(
            f"data.{gone[0]} of this run is {places[gone[0]]}, which is not there: set {remedy}, "
            f"or use other recordings with data=folder data.root=<folder> ({error})"
        ) from None
