"""The part of an evaluation that asks whether instances of a phone lie nearer to each other than
to those of other phones: ABX, on all that probes read."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from wavenet_ae.checkpoint import SECTION, read_checkpoint
from wavenet_ae.evaluation.config import Settings
from wavenet_ae.evaluation.labeled_corpus import LabeledCorpus
from wavenet_ae.evaluation.parts.abx_items import AbxItems, choose_items
from wavenet_ae.evaluation.progress import Progress
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.metrics.abx import AbxExport, AbxExporter, AbxSettings, Distance
from wavenet_ae.metrics.abx_scores import (
    SCORES,
    AbxResult,
    AbxScore,
    can_run,
    how_to_run,
    run_abx,
)
from wavenet_ae.metrics.random_model import training_windows
from wavenet_ae.metrics.representations import Representations
from wavenet_ae.models import Autoencoder

logger = logging.getLogger(__name__)

PART, TITLE = "abx", "ABX: is a phone nearer to itself than to another"
CODES = "codes"
NEIGHBORS = {"within": "the same", "any": "any"}


def judge_abx(
    model: Autoencoder, labeled: LabeledCorpus, settings: Settings, progress: Progress
) -> Iterator[ResultTable]:
    """Writes `<out>/abx/<representation>/`, and scores it where fastabx is installed; one table,
    none where labels name no phone."""
    chosen = choose_items(labeled, settings)
    if not chosen.items:
        logger.warning("labels name no phone but silence: there is nothing for ABX to compare")
        return
    exports = _exported(model, labeled, chosen, settings, progress)
    about = _about(chosen, next(iter(exports.values())))
    if not can_run():
        notice = how_to_run(*(each.folder for each in exports.values()))
        logger.warning("%s", notice)
        rows = [_export_row(name, each, settings) for name, each in exports.items()]
        yield ResultTable(PART, TITLE, f"{about}  {notice}.", rows, _settings(exports, settings))
        return
    rows = []
    for number, (name, export) in enumerate(exports.items(), start=1):
        result = run_abx(export.folder)
        rows += _score_rows(name, result)
        progress.at((1 + number / len(exports)) / 2)
    of_all = _settings(exports, settings) | result.versions
    yield ResultTable(PART, TITLE, about, rows, of_all)


def _exported(
    model: Autoencoder,
    labeled: LabeledCorpus,
    chosen: AbxItems,
    settings: Settings,
    progress: Progress,
) -> dict[str, AbxExport]:
    """By representation."""
    corpus = labeled.corpus
    config = read_checkpoint(settings.file)[SECTION]["config"]
    represent = Representations(
        model, config, training_windows(model, corpus, settings.seed), settings.seed
    )
    exporters = {
        name: AbxExporter(_folder(settings, name), chosen.items, _abx_settings(name, settings))
        for name in represent.names
    }
    share = 0.5 if can_run() else 1.0  # of the part's time, about
    for number, (row, name) in enumerate(chosen.names.items(), start=1):
        waveform = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))
        found = represent(waveform)
        seconds = np.asarray(found.encoded.anchors) / corpus.sample_rate
        for representation, values in found.values.items():
            exporters[representation].add(name, values, seconds)
        progress.at(share * number / len(chosen.names))
    return {name: exporter.finish() for name, exporter in exporters.items()}


def _folder(settings: Settings, representation: str) -> Path:
    """Without the scores of an earlier export."""
    folder = settings.destination / PART / representation
    (folder / SCORES).unlink(missing_ok=True)
    return folder


def _abx_settings(representation: str, settings: Settings) -> AbxSettings:
    distance: Distance = "identical" if representation == CODES else "angular"
    return AbxSettings(distance, seed=settings.seed)


def _settings(exports: Mapping[str, AbxExport], settings: Settings) -> dict[str, Value]:
    """Of all representations."""
    of_all = asdict(_abx_settings(CODES, settings)) | asdict(next(iter(exports.values())))
    return {
        key: value for key, value in of_all.items() if key not in ("distance", "contexts", "folder")
    }


def _about(chosen: AbxItems, export: AbxExport) -> str:
    source = "the .item file" if chosen.are_given else "labels; silence is a neighbor only"
    left = f", {chosen.num_left} others left out (abx_items)" if chosen.num_left else ""
    return (
        f"{export.num_items} phones of {export.num_recordings} utterances of whatever split{left}, "
        f"items from {source}; {export.num_empty} phones in which no code stands are left out.  "
        "A, B and X are phones, A and X the same one, B another: errors are the share in which X "
        "is nearer to B, 0.5 by chance (Schatz 2016).  within: all of one speaker; across: X of "
        "another one.  Neighbors of A, B and X are the same, or any.  Vectors are compared by "
        "angle, codes by whether they are the same, both along the best alignment; groups are "
        "averaged as in the ZeroSpeech 2021 challenge."
    )


def _score_rows(name: str, result: AbxResult) -> Iterator[dict[str, Value]]:
    """One for each kind of neighbors."""
    by_kind = {(each.context, each.speaker): each for each in result.scores}
    for context in result.settings["contexts"]:
        within, across = (by_kind[context, speaker] for speaker in ("within", "across"))
        yield {
            "representation": name,
            "distance": result.settings["distance"],
            "neighbors": NEIGHBORS[context],
            **_score("within", within),
            **_score("across", across),
        }


def _score(name: str, score: AbxScore) -> Mapping[str, Value]:
    return {f"{name}_speakers": score.error_rate, f"groups_{name}": score.num_cells}


def _export_row(name: str, export: AbxExport, settings: Settings) -> dict[str, Value]:
    return {
        "representation": name,
        "distance": _abx_settings(name, settings).distance,
        "num_items": export.num_items,
        "folder": str(export.folder),
    }
