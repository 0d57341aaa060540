"""Evaluations of runs, found and read as metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wavenet_ae.comparison.metrics import EVALUATION
from wavenet_ae.comparison.results import RunResult
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.headlines import headlines
from wavenet_ae.evaluation.results import FILE, EvaluationResult

DEPTHS = (FILE, f"*/{FILE}", f"*/*/{FILE}")  # below a folder of evaluations or of a run


@dataclass(frozen=True)
class Evaluations:
    """Evaluations by the folders of their runs.

    Attributes:
        by_run: The newest of each run.
        unreadable: A sentence for each file that is not an evaluation of this version.
    """

    by_run: Mapping[Path, EvaluationResult]
    unreadable: Sequence[str] = ()

    def add_to(self, result: RunResult, folder: Path) -> RunResult:
        """Adds the metrics of a run's evaluation to those that it has logged."""
        found = self.by_run.get(folder.resolve())
        if found is None:
            return result
        corpus = {key: found.corpus.get(key) for key in ("fingerprint", "split")}
        return replace(result, metrics=result.metrics | metrics_of(found), evaluation=corpus)


def find_evaluations(runs: Iterable[Path], folders: Iterable[Path]) -> Evaluations:
    """Finds the evaluations of runs.

    An evaluation belongs to a run if it lies in the run's folder, or if it is of a checkpoint that
    does; of several, the file that was written last counts.

    Args:
        runs: Folders of runs.
        folders: Folders that hold evaluations, or folders of them.
    """
    runs = [each.resolve() for each in runs]
    found: dict[Path, tuple[float, EvaluationResult]] = {}
    unreadable = []
    for file, own in _files(runs, folders):
        try:
            result = EvaluationResult.load(file)
        except UserError as error:
            unreadable.append(f"an evaluation is left out: {error}")
            continue
        checkpoint = Path(str(result.model["checkpoint"])).resolve()
        run, time = own or checkpoint.parent.parent, file.stat().st_mtime
        if run in runs and time >= found.get(run, (0.0, result))[0]:
            found[run] = (time, result)
    return Evaluations({run: result for run, (_, result) in found.items()}, unreadable)


def metrics_of(result: EvaluationResult) -> dict[str, float]:
    """Returns headlines as `evaluation/ID`, and of each table's first row its numbers by their ids.

    The first row is about the model itself: `units.pnmi`.
    """
    found = {f"{EVALUATION}{name}": each.value for name, each in headlines(result).items()}
    for table in result.tables:
        for column, value in (table.rows[0] if table.rows else {}).items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                found[f"{table.id}.{column}"] = float(value)
    return found


def _files(runs: Sequence[Path], folders: Iterable[Path]) -> Iterator[tuple[Path, Path | None]]:
    """Yields files of evaluations, each with the run in whose folder it lies."""
    for run in runs:
        yield from ((file, run) for depth in DEPTHS for file in sorted(run.glob(depth)))
    for folder in folders:
        yield from ((file, None) for depth in DEPTHS for file in sorted(folder.glob(depth)))
