"""The speech on which a model is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from wavenet_ae.data.corpus import SPLITS, PackedCorpus
from wavenet_ae.data.module import SpeechData
from wavenet_ae.data.splits import Undivided
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import Settings
from wavenet_ae.instantiate import instantiate
from wavenet_ae.models import GenerativeModel

PLACES = ("root", "path")  # of a run's data: the settings that say where it lies


@dataclass(frozen=True)
class Speech:
    """rows  of the corpus's utterances that are predicted and spoken again
    node  the configuration of the data
    data  made from it
    """

    corpus: PackedCorpus
    rows: np.ndarray
    node: Mapping[str, Any]
    data: SpeechData

    def paths(self) -> dict[str, Path]:
        """Of the recordings, by their keys."""
        return {each.key: Path(each.path) for each in self.data.source.recordings()}

    def described(self, model: GenerativeModel, split: str) -> dict[str, Any]:
        """Plain values."""
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
        }


def open_speech(model: GenerativeModel, settings: Settings) -> Speech:
    """Packs it first if need be.  UserError where the split has no utterance."""
    node, seed = _node_and_seed(settings)
    data = instantiate(node, sample_rate=model.sample_rate, seed=seed)
    assert isinstance(data, SpeechData)
    corpus, split = _opened(data, node, settings), settings.asked_split
    rows = np.sort(
        np.concatenate([corpus.rows(each) for each in (SPLITS if split == "all" else (split,))])
    )
    if not len(rows):
        sizes = ", ".join(f"{each}: {len(corpus.rows(each))}" for each in SPLITS)
        raise UserError(
            f"split is {split!r}, but it has no utterances ({sizes}): take another, or split=all"
        )
    return Speech(corpus, rows, node, data)


def _node_and_seed(settings: Settings) -> tuple[Mapping[str, Any], int]:
    """Of the run's own data, as it was divided there; other data is not divided."""
    if not settings.is_own_data:
        splits = {"_target_": f"{Undivided.__module__}.{Undivided.__name__}"}
        return {**(settings.data or {}), "splits": splits}, settings.seed
    assert settings.run_folder is not None
    config = yaml.safe_load((settings.run_folder / "config.yaml").read_text())
    node, moved = config["data"], settings.data or {}
    known = [key for key in PLACES if key in node["source"]]
    for key in moved:
        if key not in known:
            raise UserError(
                f"data.{key} is given, but no data=...: of the run's own data only its place can "
                f"be set ({', '.join(known)})"
            )
    return {**node, "source": {**node["source"], **moved}}, config["seed"]


def _opened(data: SpeechData, node: Mapping[str, Any], settings: Settings) -> PackedCorpus:
    """UserError that says how to name their new place where a run's recordings are not there."""
    try:
        return data.open()
    except UserError as error:
        places = {key: node["source"].get(key) for key in PLACES}
        gone = [
            key for key, place in places.items() if place and not Path(place).expanduser().exists()
        ]
        if not settings.is_own_data or not gone:
            raise
        remedy = " ".join(f"+data.{key}=<where it is now>" for key in gone)
        raise UserError(
            f"data.{gone[0]} of this run is {places[gone[0]]}, which is not there: give {remedy}, "
            f"or other recordings with data=folder data.root=<folder> ({error})"
        ) from None
