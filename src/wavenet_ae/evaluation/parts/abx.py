"""ABX: whether a phone is nearer to itself than to another, in each representation."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from wavenet_ae.checkpoint import SECTION, read_checkpoint
from wavenet_ae.evaluation.abx_items import AbxItems, choose_items
from wavenet_ae.evaluation.part import Context, Part, SkipPart
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
from wavenet_ae.metrics.baselines import training_windows
from wavenet_ae.metrics.representations import Representations
from wavenet_ae.progress import Progress

logger = logging.getLogger(__name__)

ID = "abx"  # also the folder of the export
CODES = "codes"


def evaluate_abx(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields the table `abx` or, where fastabx is not installed, `abx_export`.

    Writes `<out>/abx/<representation>/`.
    """
    chosen = choose_items(context.labeled, context.config)
    if not chosen.items:
        raise SkipPart("no_phones")
    exports = _exported(context, chosen, progress)
    metadata = _metadata(chosen, exports, context.seed)
    notes = ["items_from_file" if chosen.are_given else "items_from_labels"]
    if not can_run():
        folders = [each.folder for each in exports.values()]
        logger.warning("%s", how_to_run(*folders))
        command = ["python", "-m", "wavenet_ae.metrics.abx_scores", *map(str, folders)]
        rows = [_export_row(name, each, context.seed) for name, each in exports.items()]
        metadata["command"] = shlex.join(command)
        yield ResultTable("abx_export", ["representation", "distance"], rows, metadata, notes)
        return
    rows = []
    for number, (name, export) in enumerate(exports.items(), start=1):
        result = run_abx(export.folder)
        rows += _score_rows(name, result)
        progress.at((1 + number / len(exports)) / 2)
    metadata |= result.versions
    yield ResultTable(ID, ["representation", "distance", "context"], rows, metadata, notes)


def _exported(context: Context, chosen: AbxItems, progress: Progress) -> dict[str, AbxExport]:
    """Exports by representation."""
    model, corpus, seed = context.code_model, context.corpus, context.seed
    model_config = read_checkpoint(context.config.file)[SECTION]["config"]
    represent = Representations(model, model_config, training_windows(model, corpus, seed), seed)
    exporters = {
        name: AbxExporter(_folder(context, name), chosen.items, _abx_settings(name, seed))
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


def _folder(context: Context, representation: str) -> Path:
    """Folder of an export, without the scores of an earlier one."""
    folder = context.folder / ID / representation
    (folder / SCORES).unlink(missing_ok=True)
    return folder


def _abx_settings(representation: str, seed: int) -> AbxSettings:
    distance: Distance = "identical" if representation == CODES else "angular"
    return AbxSettings(distance, seed=seed)


def _metadata(chosen: AbxItems, exports: Mapping[str, AbxExport], seed: int) -> dict[str, Value]:
    """What holds for all representations."""
    of_all = asdict(_abx_settings(CODES, seed)) | asdict(next(iter(exports.values())))
    own = {key: of_all[key] for key in of_all if key not in ("distance", "contexts", "folder")}
    return own | ({"num_left": chosen.num_left} if chosen.num_left else {})


def _score_rows(name: str, result: AbxResult) -> Iterator[dict[str, Value]]:
    """A row for each context: the same neighbors (`within`), or any."""
    by_kind = {(each.context, each.speaker): each for each in result.scores}
    for context in result.settings["contexts"]:
        within, across = (by_kind[context, speaker] for speaker in ("within", "across"))
        yield {
            "representation": name,
            "distance": result.settings["distance"],
            "context": context,
            **_score("within", within),
            **_score("across", across),
        }


def _score(name: str, score: AbxScore) -> Mapping[str, Value]:
    return {f"error_{name}_speakers": score.error_rate, f"num_groups_{name}": score.num_cells}


def _export_row(name: str, export: AbxExport, seed: int) -> dict[str, Value]:
    return {
        "representation": name,
        "distance": _abx_settings(name, seed).distance,
        "num_items": export.num_items,
        "folder": str(export.folder),
    }


PART = Part(ID, order=70, needs={"codes", "labels"}, run=evaluate_abx, is_on_cpu=True)
