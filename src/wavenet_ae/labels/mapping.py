"""From the labels of files to those that are counted: an explicit table, as data.

name: timit39
others: error        # what becomes of labels that the table lacks: error, or keep
table:
  ax-h: ah
  q: null            # left out; its frames are counted as excluded
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from wavenet_ae.errors import UserError, nearest
from wavenet_ae.labels.segments import Segments

TABLES = Path(__file__).parent / "tables"
FIELDS = {"name", "others", "table"}
OTHERS = ("error", "keep")


@dataclass(frozen=True)
class LabelMapping:
    """name    for reports
    table   label of a file -> label that counts; None: left out
    others  of labels that the table lacks: `error`, or `keep` them as they are
    """

    name: str
    table: dict[str, str | None]
    others: str

    def mapped(self, segments: Segments) -> Segments:
        """The same segments, labels mapped; None where one is left out.

        Raises UserError where the table should have a label and does not.
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
    """Of a plain dictionary as above; `where` it is from is said in errors (UserError)."""
    if not isinstance(values, dict) or set(values) != FIELDS:
        raise UserError(f"{where} must hold {', '.join(sorted(FIELDS))}, and nothing else")
    if values["others"] not in OTHERS:
        raise UserError(f"{where}: others is {values['others']!r}: give {' or '.join(OTHERS)}")
    table = values["table"]
    if not isinstance(table, dict):
        raise UserError(f"{where}: table must be a list of lines 'label: label that counts'")
    for pair in table.items():
        for label in pair:
            if not isinstance(label, str) and (label is not None or label is pair[0]):
                raise UserError(
                    f"{where}: {label!r} in the table is no text: put quotes around it, as in 'no'"
                )
    return LabelMapping(str(values["name"]), dict(table), values["others"])


def read_mapping(name: str) -> LabelMapping:
    """`none`, a mapping of tables/ by its name, or the path of a .yaml file.

    Raises UserError where there is no such mapping, or it is not what the head says.
    """
    if name == AS_THEY_ARE.name:
        return AS_THEY_ARE
    path = Path(name) if name.endswith((".yaml", ".yml")) else TABLES / f"{name}.yaml"
    if not path.is_file():
        known = [AS_THEY_ARE.name, *(each.stem for each in TABLES.glob("*.yaml"))]
        raise UserError(f"there is no mapping of labels {name!r}." + nearest(name, known))
    try:
        return mapping_of(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} is not a readable mapping of labels: {error}") from error
