"""Mapping from the labels of files to those that are counted, as an explicit table.

name: timit39
others: error        # labels that the table lacks: error, or keep
table:
  ax-h: ah
  q: null            # excluded; its frames are counted as excluded
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.labels.segments import Segments
from wavenet_ae.reading import read_yaml

TABLES = Path(__file__).parent / "tables"
FIELDS = {"name", "others", "table"}
OTHERS = ("error", "keep")


@dataclass(frozen=True)
class LabelMapping:
    """Mapping of labels.

    Attributes:
        name: Name in reports.
        table: Label of a file to the label that counts; None excludes it.
        others: Treatment of labels that the table lacks: `error`, or `keep` them unchanged.
    """

    name: str
    table: dict[str, str | None]
    others: str

    def mapped(self, segments: Segments) -> Segments:
        """Returns the same segments with labels mapped; None where one is excluded.

        Raises:
            UserError: If the table lacks a label and `others` is `error`.
        """
        labels = tuple(self._mapped(label, segments.path) for label in segments.labels)
        return replace(segments, labels=labels)

    def _mapped(self, label: str | None, path: Path) -> str | None:
        if label is None or label in self.table:
            return None if label is None else self.table[label]
        if self.others == "keep":
            return label
        raise UserError(
            f"{path}: the mapping {self.name} does not say what the label {label!r} becomes."
            + nearest(label, self.table)
        )


AS_THEY_ARE = LabelMapping("none", {}, "keep")


def mapping_of(values: Any, where: str) -> LabelMapping:
    """Builds a mapping from a plain dictionary with `name`, `others` and `table`.

    Args:
        values: The dictionary.
        where: File that it comes from, for error messages.

    Raises:
        UserError: If a field is missing, unknown or of the wrong type.
    """
    if not isinstance(values, dict) or set(values) != FIELDS:
        raise UserError(f"{where} must hold {', '.join(sorted(FIELDS))}, and nothing else")
    if values["others"] not in OTHERS:
        raise UserError(f"{where}: others is {values['others']!r}: use {' or '.join(OTHERS)}")
    table = values["table"]
    if not isinstance(table, dict):
        raise UserError(f"{where}: table must be a list of lines 'label: label that counts'")
    for pair in table.items():
        for label in pair:
            if not isinstance(label, str) and (label is not None or label is pair[0]):
                raise UserError(
                    f"{where}: {label!r} in the table is not a text: quote it, as in 'no'"
                )
    return LabelMapping(str(values["name"]), dict(table), values["others"])


def read_mapping(name: str) -> LabelMapping:
    """Reads a mapping of labels.

    Args:
        name: `none`, the name of a file in tables/, or the path of a .yaml file.

    Raises:
        UserError: If the mapping does not exist or is invalid.
    """
    if name == AS_THEY_ARE.name:
        return AS_THEY_ARE
    path = Path(name) if name.endswith((".yaml", ".yml")) else TABLES / f"{name}.yaml"
    if not os.path.isfile(path):
        known = [AS_THEY_ARE.name, *(each.stem for each in TABLES.glob("*.yaml"))]
        raise UserError(f"there is no mapping of labels {name!r}." + nearest(name, known))
    return mapping_of(read_yaml(path), str(path))
