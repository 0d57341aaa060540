"""The result of an evaluation: tables of numbers under stable ids, saved and loaded as JSON.

A number has the id `table.column`, such as `units.pnmi`, and the keys of its row:

    result = EvaluationResult.load("outputs/evaluated/my_run")
    result.value("units.pnmi")                          # of the model's own units, the first row
    result.value("units.pnmi", system="kmeans_mfcc")
    result.value("probing.accuracy", task="phone", representation="vectors", probe="linear")

Of a model with several streams of codes, keys have the name of the stream, see stream_names.py:

    result.value("units.pnmi", system="codes/top")

Ids are for programs.  The words for people are in report/words.py
and report/table_words.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.reading import read_json, shown
from wavenet_ae.runs import RunFolder
from wavenet_ae.storage import atomic_write
from wavenet_ae.stream_names import ONLY_STREAM

Value = str | float | int | bool | None
FILE = "evaluation.json"
FORMAT = 2
ERROR, LOW, HIGH = "_error", "_low", "_high"  # what else may be known of a column, by its suffix


@dataclass(frozen=True)
class Estimate:
    """A number, with its standard error or the limits of its 95 % interval where they are known."""

    value: float
    error: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ResultTable:
    """Numbers of one kind.

    Attributes:
        id: Name of the table, unique in a result.
        keys: Columns that say what a row is about, such as `system`.  The first row is about the
            evaluated model wherever others are about baselines.
        rows: Cells by column; NaN and infinite numbers become None.  `x_error` is the standard
            error of column `x`, `x_low` and `x_high` are the limits of its 95 % interval.
        metadata: What holds for all rows, such as the number of utterances.
        notes: Ids of remarks, such as a control that could not be measured.
        part: Id of the part of the evaluation that measured it.
    """

    id: str
    keys: Sequence[str]
    rows: Sequence[Mapping[str, Value]]
    metadata: Mapping[str, Value] = field(default_factory=dict)
    notes: Sequence[str] = ()
    part: str = ""

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, plain(getattr(self, each.name)))

    @property
    def columns(self) -> list[str]:
        """Names of the columns, those of later rows behind those of the first."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def row(self, **keys: Value) -> Mapping[str, Value] | None:
        """Returns the first row with these cells, or None."""
        return next((row for row in self.rows if keys.items() <= row.items()), None)


@dataclass(frozen=True)
class EvaluationResult:
    """All that was measured of one model on one corpus.

    Attributes:
        model: The model and its checkpoint, as plain values; `name` is the model's name.
        corpus: The speech it was evaluated on.
        command: The command, configuration and versions.
        tables: What was measured.
        skipped: Parts that could not be measured, and the id of the reason of each.
        folder: Where the result was loaded from; files that tables name lie in it.
    """

    model: Mapping[str, Any]
    corpus: Mapping[str, Any]
    command: Mapping[str, Any]
    tables: Sequence[ResultTable] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name in ("model", "corpus", "command", "skipped"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        object.__setattr__(self, "tables", tuple(self.tables))

    @property
    def name(self) -> str:
        """Name of the model."""
        return str(self.model["name"])

    @property
    def has_codes(self) -> bool:
        """Whether the model has a stream of codes."""
        return bool(self.streams)

    @property
    def streams(self) -> dict[str, Mapping[str, Any]]:
        """The bottleneck of each stream of codes, and rate and sizes of its codes, by its name."""
        if "streams" in self.model:
            return dict(self.model["streams"])
        return {ONLY_STREAM: self.model} if "bottleneck" in self.model else {}

    @property
    def run_folder(self) -> Path | None:
        """Folder of the training run, or None where it is not there any more."""
        run = RunFolder.containing(Path(self.model["checkpoint"]))
        return run.path if run and run.metrics.is_file() else None

    def table(self, id: str) -> ResultTable | None:
        """Returns the table with this id, or None where it was not measured."""
        return next((each for each in self.tables if each.id == id), None)

    def value(self, metric: str, **keys: Value) -> float | None:
        """Returns the number `table.column` of the first row with these keys.

        Returns:
            None where the table was not measured, has no such row, or an empty cell there.

        Raises:
            UserError: If the table has no such column, or the cell is not a number.
        """
        found = self.estimate(metric, **keys)
        return None if found is None else found.value

    def estimate(self, metric: str, **keys: Value) -> Estimate | None:
        """Returns the number `table.column` with its error or interval; see `value`."""
        id, _, column = metric.rpartition(".")
        table = self.table(id)
        row = table.row(**keys) if table is not None else None
        if table is None or row is None:
            return None
        if column not in table.columns:
            hint = nearest(column, table.columns)
            raise UserError(f"{metric}: the table {id!r} has no column {column!r}.{hint}")
        value, error, low, high = (row.get(column + each) for each in ("", ERROR, LOW, HIGH))
        if isinstance(value, str):
            raise UserError(f"{metric} is a text, {value!r}, but a number is wanted here")
        if value is None:
            return None
        return Estimate(float(value), _number(error), _number(low), _number(high))

    def with_part(self, part: str, tables: Iterable[ResultTable]) -> EvaluationResult:
        """Returns a copy in which these tables take the place of those that the part had."""
        kept = [each for each in self.tables if each.part != part]
        skipped = {name: why for name, why in self.skipped.items() if name != part}
        own = [replace(each, part=part) for each in tables]
        return replace(self, tables=(*kept, *own), skipped=skipped)

    def without_part(self, part: str, reason: str) -> EvaluationResult:
        """Returns a copy in which a part is skipped for this reason."""
        found = self.with_part(part, [])
        return replace(found, skipped={**found.skipped, part: reason})

    def save(self, folder: Path) -> None:
        """Writes `<folder>/evaluation.json`, whole or not at all."""
        content = {"format": FORMAT, **asdict(replace(self, folder=None))}
        del content["folder"]
        with atomic_write(folder / FILE) as file:
            file.write(json.dumps(plain(content), indent=1, allow_nan=False).encode())

    @classmethod
    def load(cls, path: str | Path) -> EvaluationResult:
        """Reads a result.

        Args:
            path: An `evaluation.json`, or the folder that holds it.

        Raises:
            UserError: If there is no such file, or it is not a result of this format.
        """
        file = Path(path) / FILE if Path(path).is_dir() else Path(path)
        content = _content(file)
        try:
            tables = [ResultTable(**each) for each in content.pop("tables")]
            result = cls(**content, tables=tables, folder=file.parent)
            _check(result)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise UserError(
                f"{file} is damaged ({error}): remove it, and evaluate the checkpoint again"
            ) from None
        return result


def _content(file: Path) -> dict[str, Any]:
    """Fields of a result of this format."""
    remedy = f"choose an {FILE} that `wavenet-ae evaluate` wrote"
    try:
        content = read_json(file)
    except UserError as error:
        raise UserError(f"{error}: {remedy}") from None
    if not isinstance(content, dict) or "format" not in content:
        raise UserError(f"{file} is not an evaluation: {remedy}")
    found = content.pop("format")
    if found != FORMAT:
        raise UserError(
            f"{file} has format {shown(found)}, but this version reads format {FORMAT}: evaluate "
            "the checkpoint again, with another out="
        )
    return content


def _check(result: EvaluationResult) -> None:
    """Raises where fields have other types than those that are written."""
    for each in ("model", "corpus", "command", "skipped"):
        if not isinstance(getattr(result, each), dict):
            raise TypeError(f"{each} is not a mapping")
    for each in ("name", "checkpoint", "fingerprint"):
        if not isinstance(result.model[each], str):
            raise TypeError(f"model.{each} is not a text")
    for table in result.tables:
        cells = [value for row in table.rows for value in [*row.values()]]
        cells += [*table.metadata.values(), table.id, table.part, *table.keys, *table.notes]
        if any(isinstance(each, list | dict) for each in cells):
            raise TypeError(f"table {table.id!r} has nested cells")
        if not (isinstance(table.id, str) and all(set(table.keys) <= set(x) for x in table.rows)):
            raise TypeError(f"a row of table {table.id!r} lacks one of its keys")


def _number(value: Value) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)


def plain(value: Any) -> Any:
    """Returns the same as values of JSON: what is not a finite number becomes None."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return value
