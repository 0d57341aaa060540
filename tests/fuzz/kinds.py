"""How each kind of file is read: by a function of the library, or by a command."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from fuzz.leaves import with_odd_leaf
from fuzz.mutations import mutated
from wavenet_ae.alignment import encoder_window
from wavenet_ae.audio.io import read
from wavenet_ae.cli import main
from wavenet_ae.dashboards.history import read_histograms, read_metrics
from wavenet_ae.data.sources import TableSource
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.generation.code_files import read_codes, read_description, read_table
from wavenet_ae.geometry import Chain, Down
from wavenet_ae.labels.finding import read_segments
from wavenet_ae.labels.item import items_by_file, segments_of_items
from wavenet_ae.labels.mapping import read_mapping
from wavenet_ae.loading import load
from wavenet_ae.objectives import ClusterTargets, MaskedPrediction
from wavenet_ae.runs import RunFolder
from wavenet_ae.types import Batch, ModelOutput


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: Its name.
        share: How many of 4000 inputs are of it.
        folder: Folder of valid inputs that is copied for each mutation.
        files: The files of it that are mutated, as a pattern.
        read: Reads the copy of the folder, of which the given file has been mutated.
        damage: Returns how a file is damaged, and its new bytes, given the file and a key.
    """

    name: str
    share: int
    folder: str
    files: str
    read: Callable[[Path, Path], object]
    damage: Callable[..., tuple[str, bytes]] = mutated


def _labels(folder: Path, file: Path) -> object:
    if file.suffix == ".yaml":
        return read_mapping(str(file))
    if file.suffix == ".item":
        return [segments_of_items(each, file) for each in items_by_file(file).values()]
    return read_segments(file)


def _codes(folder: Path, file: Path) -> object:
    if file.suffix == ".json":
        return read_description(folder)
    return read_codes(file) if file.suffix == ".npy" else list(read_table(file))


def _log(folder: Path, file: Path) -> object:
    run = RunFolder(folder)
    return read_metrics(run.metrics), read_histograms(run.histograms)


def _evaluation(folder: Path, file: Path) -> object:
    return EvaluationResult.load(folder)


def _load(folder: Path, file: Path) -> object:
    Path(f"{file}.sha256").unlink(missing_ok=True)
    return load(file)


def _load_shared(folder: Path, file: Path) -> object:
    return load(folder)


def _resume_newest(folder: Path, file: Path) -> None:
    for each in RunFolder(folder).checkpoints.iterdir():
        if each != file:
            each.unlink()
    _resume(folder, file)


def _resume(folder: Path, file: Path) -> None:
    main(["train", f"resume={folder}", "trainer.max_steps=7"])


def _evaluate(folder: Path, file: Path) -> None:
    best, out = RunFolder(folder).best_checkpoint, folder / "evaluation"
    main(["evaluate", f"checkpoint={best}", f"out={out}", "metrics=[bitrate]"])


def _dashboard(folder: Path, file: Path) -> None:
    main(["dashboard", f"runs=[{folder}]", f"out={folder / 'plots'}"])


def _without_digest(folder: Path, file: Path) -> object:
    for each in folder.rglob("*.sha256"):
        if each != file:
            each.unlink()
    return load(RunFolder(folder).best_checkpoint)


def _prepare(folder: Path, file: Path) -> None:
    from helpers.configs import TINY

    toy = [each for each in TINY if each.startswith("data.source.")]
    main(["prepare", *toy, f"data.cache_dir={folder}"])


def _predict_clusters(folder: Path, file: Path) -> object:
    """Reads targets as a training does, and computes its loss on a window of each utterance."""
    targets = ClusterTargets.load(file)
    keys, plan = targets.utterances, encoder_window(Chain((Down(targets.hop, targets.hop),)), 5)
    known = {"utterances": keys, "fingerprint": targets.fingerprint}
    objective = MaskedPrediction(str(file), 4, first_code=0.0, code_hop=1.0, **known)
    rows = torch.arange(len(keys))
    waveform = torch.zeros(len(keys), 1, dtype=torch.int16)
    batch = Batch(waveform, rows, rows, torch.zeros_like(rows))
    return objective(ModelOutput(latents=torch.zeros(len(keys), 4, 5)), batch, plan, 0)


def _decode(folder: Path, file: Path) -> None:
    best = RunFolder(folder.parent.parent / "inputs" / "run").best_checkpoint
    out = folder / "sound"
    main(["generate", "task=decode", f"checkpoint={best}", f"codes={folder}", f"out={out}"])


KINDS = (
    Kind("recordings", 1000, "recordings", "*", lambda folder, file: read(file, 8000)),
    Kind("labels", 600, "labels", "*", _labels),
    Kind("tables", 350, "tables", "*.tsv", lambda _, file: TableSource(str(file)).recordings()),
    Kind("codes", 350, "codes", "**/*", _codes),
    Kind("evaluations", 250, "evaluation", "*.json", _evaluation),
    Kind("logs", 250, "run", "*.[cj]s*", _log),
    Kind("checkpoints", 250, "run", "checkpoints/*", _without_digest),
    Kind("checkpoint values", 400, "run", "checkpoints/*.ckpt", _load, with_odd_leaf),
    Kind("shared models", 100, "shared", "*.[sj]*", _load_shared),
    Kind("descriptions of shared models", 100, "shared", "*.json", _load_shared, with_odd_leaf),
    Kind("configurations", 150, "run", "config.yaml", _evaluate, with_odd_leaf),
    Kind("evaluation values", 150, "evaluation", "*.json", _evaluation, with_odd_leaf),
    Kind("resumed runs", 80, "run", "**/*", _resume),
    Kind("resumed configurations", 60, "run", "config.yaml", _resume, with_odd_leaf),
    Kind("resumed checkpoints", 60, "run", "checkpoints/*.ckpt", _resume_newest, with_odd_leaf),
    Kind("evaluated runs", 50, "run", "config.yaml", _evaluate),
    Kind("plotted runs", 30, "run", "*.[cj]s*", _dashboard),
    Kind("caches", 60, "cache", "**/*", _prepare),
    Kind("cluster targets", 100, "clusters", "*.npz", _predict_clusters),
    Kind("cluster values", 150, "clusters", "*.npz", _predict_clusters, with_odd_leaf),
    Kind("decoded codes", 30, "codes", "**/*", _decode),
)


def files_of(kind: Kind, inputs: Path) -> list[Path]:
    """Returns the valid files of a kind, relative to its folder."""
    folder = inputs / kind.folder
    found = [each for each in folder.glob(kind.files) if each.is_file() and not each.is_symlink()]
    return sorted(each.relative_to(folder) for each in found)


def copied(kind: Kind, inputs: Path, place: Path) -> Path:
    """Returns a copy of the folder of valid inputs."""
    return Path(shutil.copytree(inputs / kind.folder, place / kind.folder, symlinks=True))


def shares(total: int) -> Iterator[tuple[Kind, int]]:
    """Yields how many of `total` inputs are of each kind, at least one."""
    whole = sum(kind.share for kind in KINDS)
    for kind in KINDS:
        yield kind, max(1, round(total * kind.share / whole))
