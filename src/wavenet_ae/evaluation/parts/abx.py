"""ABX: whether a phone is nearer to itself than to another, in each representation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from wavenet_ae.evaluation.abx_items import AbxItems, choose_items
from wavenet_ae.evaluation.part import Context, Part, SkipPart
from wavenet_ae.evaluation.results import ResultTable, Value
from wavenet_ae.metrics.abx import AbxExport, AbxExporter, AbxSettings
from wavenet_ae.metrics.abx_scores import SCORES, AbxResult, AbxScore, score
from wavenet_ae.metrics.alignment_distances import FrameDistance
from wavenet_ae.metrics.baselines import training_windows
from wavenet_ae.metrics.representations import Representations
from wavenet_ae.progress import Progress

ID = "abx"  # also the folder of the export
CODES = "codes"
EXPORT_SHARE = 0.2  # of the part's time, about


def evaluate_abx(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields the table `abx`.  Writes `<out>/abx/<representation>/`, which fastabx can read."""
    chosen = choose_items(context.labeled, context.config)
    if not chosen.items:
        raise SkipPart("no_phones")
    exports = _exported(context, chosen, progress)
    rows: list[dict[str, Value]] = []
    for number, (name, export) in enumerate(exports.items()):

        def done(share: float, before: int = number) -> None:
            progress.at(EXPORT_SHARE + (1 - EXPORT_SHARE) * (before + share) / len(exports))

        rows += _score_rows(name, score(export.folder, done))
    notes = ["items_from_file" if chosen.are_given else "items_from_labels"]
    metadata = _metadata(chosen, exports, context.seed)
    yield ResultTable(ID, ["representation", "distance", "context"], rows, metadata, notes)


def _exported(context: Context, chosen: AbxItems, progress: Progress) -> dict[str, AbxExport]:
    """Exports by representation."""
    model, corpus, seed = context.code_model, context.corpus, context.seed
    windows = training_windows(model, corpus, seed)
    of_streams = [
        Representations(model, model.config, windows, seed, stream.name)
        for stream in model.code_streams
    ]
    exporters = {
        name: AbxExporter(_folder(context, name), chosen.items, _abx_settings(name, seed))
        for represent in of_streams
        for name in represent.names
    }
    for number, (row, name) in enumerate(chosen.names.items(), start=1):
        waveform = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row])))
        for represent in of_streams:
            found = represent(waveform)
            seconds = np.asarray(found.encoded.anchors) / corpus.sample_rate
            for representation, values in found.values.items():
                exporters[representation].add(name, values, seconds)
        progress.at(EXPORT_SHARE * number / len(chosen.names))
    return {name: exporter.finish() for name, exporter in exporters.items()}


def _folder(context: Context, representation: str) -> Path:
    """Makes the folder of an export, without the scores of an earlier one."""
    folder = context.folder / ID / representation
    (folder / SCORES).unlink(missing_ok=True)
    return folder


def _abx_settings(representation: str, seed: int) -> AbxSettings:
    distance: FrameDistance = (
        "identical" if representation.partition("/")[0] == CODES else "angular"
    )
    return AbxSettings(distance, seed=seed)


def _metadata(chosen: AbxItems, exports: Mapping[str, AbxExport], seed: int) -> dict[str, Value]:
    """Returns what holds for all representations."""
    of_all = asdict(_abx_settings(CODES, seed)) | asdict(next(iter(exports.values())))
    own = {key: of_all[key] for key in of_all if key not in ("distance", "contexts", "folder")}
    return own | ({"num_left": chosen.num_left} if chosen.num_left else {})


def _score_rows(name: str, result: AbxResult) -> Iterator[dict[str, Value]]:
    """Yields a row for each context: the same neighbors (`within`), or any."""
    by_kind = {(each.context, each.speaker): each for each in result.scores}
    for context in result.settings["contexts"]:
        within, across = (by_kind[context, speaker] for speaker in ("within", "across"))
        yield {
            "representation": name,
            "distance": result.settings["distance"],
            "context": context,
            **_cells("within", within),
            **_cells("across", across),
        }


def _cells(name: str, found: AbxScore) -> Mapping[str, Value]:
    return {f"error_{name}_speakers": found.error_rate, f"num_groups_{name}": found.num_cells}


PART = Part(ID, order=70, needs={"codes", "labels"}, run=evaluate_abx, is_on_cpu=True)
