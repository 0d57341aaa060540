"""Items of ABX: the phones of labeled utterances, each with its neighbors and its speaker.

An .item file may list them, as those of the ZeroSpeech challenges do.  Else they are made:

    segments  | sil | h | e | l |  gap  | o |
    items           sil-h-e h-e-l e-l-SIL   SIL-o-SIL
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np

from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.labeled_corpus import LabeledCorpus
from wavenet_ae.labels import (
    AS_THEY_ARE,
    Item,
    ItemLabels,
    Segments,
    label_source,
    read_item_file,
)
from wavenet_ae.metrics.abx import COLUMNS, DECIMALS
from wavenet_ae.randomness import keyed_permutation

SILENCE = "SIL"  # the neighbor where nothing is labeled, or what is there is left out
SILENCES = {"sil", "h#", "pau", "epi", "sp", "spn", "<sil>", "<eps>"}  # which are no phones
NO_PART_OF_A_NAME = {"": "%2F", "..": "%2E%2E"}
BREAKS_A_FIELD = re.compile(r'[\s"%]')  # of a file whose columns are separated by spaces


@dataclass(frozen=True)
class AbxItems:
    """Phones to compare.

    Attributes:
        names: Name of each utterance in the items, by its row, ascending.
        items: Phones of these utterances.
        num_left: Number of utterances with labels that are left out because there are enough.
        are_given: Whether an .item file lists them.
    """

    names: dict[int, str]
    items: list[Item]
    num_left: int
    are_given: bool


def choose_items(labeled: LabeledCorpus, config: EvaluationConfig) -> AbxItems:
    """Chooses utterances with labels in a random order until they have `max_abx_items` segments.

    Items of an .item file are used as they are.  They are made from labels where there is no such
    file, where it lacks columns, where labels are mapped, which may change neighbors too, or where
    utterances are parts of recordings, whose items have other times.
    """
    by_name, names = _given(labeled, config) or ({}, [_name(labeled, n) for n in labeled.rows])
    num_segments = np.array([len(each.labels) for each in labeled.segments], np.int64)
    order = keyed_permutation(len(names), config.seed, "abx")
    is_enough = np.cumsum(num_segments[order]) > config.max_abx_items
    chosen = sorted(order[~is_enough].tolist() or order[:1].tolist())
    items: list[Item] = []
    for place in chosen:
        speaker = _field(labeled.speaker(labeled.rows[place]))
        made = () if by_name else items_of(labeled.segments[place], names[place], speaker)
        items += by_name.get(names[place], made)
    return AbxItems(
        names={labeled.rows[place]: names[place] for place in chosen},
        items=items,
        num_left=len(names) - len(chosen),
        are_given=bool(by_name),
    )


def _given(
    labeled: LabeledCorpus, config: EvaluationConfig
) -> tuple[dict[str, list[Item]], list[str]] | None:
    """Items by the names of recordings, and the name of each utterance with labels; None without a
    file that has them."""
    source = label_source(config.labels, config.suffix, config.tier)
    if not isinstance(source, ItemLabels) or config.mapping != AS_THEY_ARE.name:
        return None
    corpus = labeled.corpus
    if any(corpus.keys[row] != corpus.recordings[row] for row in labeled.rows):
        return None
    by_name: dict[str, list[Item]] = {}
    for item in read_item_file(source.path):
        by_name.setdefault(item.file, []).append(item)
    if any(set(COLUMNS) - set(items[0].fields) for items in by_name.values()):
        return None
    return by_name, [str(source.name_of(corpus.keys[row])) for row in labeled.rows]


def _name(labeled: LabeledCorpus, row: int) -> str:
    """Returns a unique path below a folder."""
    parts = labeled.corpus.keys[row].split("/")
    return "/".join(NO_PART_OF_A_NAME.get(part, _field(part)) for part in parts)


def items_of(segments: Segments, name: str, speaker: str) -> list[Item]:
    """Items of the phones of one recording; silence is a neighbor only."""
    phones = [SILENCE, *map(_phone, segments.labels), SILENCE]
    ends, begins = segments.ends, segments.begins
    items = []
    for row, phone in enumerate(phones[1:-1]):
        if phone == SILENCE:
            continue
        follows = row > 0 and ends[row - 1] == begins[row]
        is_followed = row + 1 < len(begins) and ends[row] == begins[row + 1]
        before = phones[row] if follows else SILENCE
        after = phones[row + 2] if is_followed else SILENCE
        times = [f"{each[row]:.{DECIMALS}f}" for each in (begins, ends)]
        values = [name, *times, phone, before, after, speaker]
        items.append(Item(dict(zip(COLUMNS, values, strict=True)), str(segments.path)))
    return items


def _phone(label: str | None) -> str:
    is_silence = label is None or not label or label.lower() in SILENCES
    return SILENCE if is_silence else _field(str(label))


def _field(text: str) -> str:
    return BREAKS_A_FIELD.sub(lambda found: quote(found[0]), text)
