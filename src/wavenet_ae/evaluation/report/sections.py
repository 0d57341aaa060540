"""The parts of evaluations as sections of a page, each one table over all models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wavenet_ae.evaluation.config import PARTS
from wavenet_ae.evaluation.parts import alignment_example as example
from wavenet_ae.evaluation.parts import contingency as unit_counts
from wavenet_ae.evaluation.report.reading import Judged
from wavenet_ae.evaluation.report.tables import Table, by_model
from wavenet_ae.evaluation.results import ResultTable

# Details that figures draw: as tables they would be pages of numbers.
FIGURES_ONLY = {unit_counts.PART, example.PART}


@dataclass(frozen=True)
class About:
    """How a part was measured; `of` are the models, none where it holds for all."""

    of: Sequence[str]
    text: str


@dataclass(frozen=True)
class Section:
    part: str
    title: str
    about: Sequence[About]
    table: Table
    is_detail: bool


def sections(judged: Sequence[Judged]) -> list[Section]:
    """In the order in which parts are measured."""
    parts = dict.fromkeys(part for each in judged for part in _in_order(each.findings))
    ordered = sorted(parts, key=lambda part: min(_places(judged, part)))
    found = [_section(part, judged) for part in ordered if part not in FIGURES_ONLY]
    return [each for each in found if each.table.rows]


def _in_order(findings: Iterable[ResultTable]) -> dict[str, tuple[int, int]]:
    """The place of each part: tables that a part has beside its own come after it."""
    places, last = {}, -1
    for number, each in enumerate(findings):
        last = PARTS.index(each.part) if each.part in PARTS else last
        places[each.part] = (last, number)
    return places


def _places(judged: Sequence[Judged], part: str) -> list[tuple[int, int]]:
    return [places[part] for each in judged if part in (places := _in_order(each.findings))]


def _section(part: str, judged: Sequence[Judged]) -> Section:
    of_models = {each.name: found for each in judged if (found := each.part(part)) is not None}
    first = next(iter(of_models.values()))
    rows = {name: found.rows for name, found in of_models.items()}
    if len(judged) > 1 and len(rows) == 1:  # its model is named as in the other tables
        rows |= {each.name: [] for each in judged if each.name not in rows}
    return Section(
        part=part,
        title=first.title,
        about=_abouts(of_models, len(judged)),
        table=by_model(rows),
        is_detail=first.is_detail,
    )


def _abouts(of_models: dict[str, ResultTable], num_models: int) -> list[About]:
    by_text: dict[str, list[str]] = {}
    for name, found in of_models.items():
        by_text.setdefault(_text(found), []).append(name)
    return [
        About([] if len(names) == num_models else names, text) for text, names in by_text.items()
    ]


def _text(found: ResultTable) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in found.settings.items())
    return f"{found.about}  ({settings})" if settings else found.about
