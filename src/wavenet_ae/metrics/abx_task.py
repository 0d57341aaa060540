"""The ABX task: which triples are compared, and how their errors are averaged (Schatz 2016).

    A, X  instances of one phone        by      what all three share: the neighbors, the speaker
    B     an instance of another phone  across  X is of another speaker than A and B

A triple is an error if X is nearer to B than to A, and half an error if both are as near. A cell
has all triples of two phones, a context and a speaker, or of two speakers across. Its error is the
mean over its triples. Errors of cells are averaged over contexts, then over speakers, then over
pairs of phones, as in the ZeroSpeech 2021 challenge and in fastabx, whose numbers these are where
nothing is sampled. Where there are more instances, or more speakers of X, than the settings allow,
some are chosen at random by name and seed; which ones is the one difference to fastabx.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wavenet_ae.metrics.alignment_distances import Sequences, aligned_distances
from wavenet_ae.randomness import keyed_permutation

PAIRS_AT_ONCE = 500_000
Context = tuple[str, str] | None  # the neighbors, or None where they may differ


@dataclass(frozen=True)
class AbxItem:
    """What the task needs to know of a phone.

    Attributes:
        phone: The phone.
        context: Its neighbors.
        speaker: Its speaker.
    """

    phone: str
    context: tuple[str, str]
    speaker: str


@dataclass(frozen=True)
class AbxCondition:
    """Which triples are compared.

    Attributes:
        is_across: Whether X is of another speaker than A and B.
        same_context: Whether the neighbors of A, B and X are the same.
        max_size_group: Instances of A, of B and of X in a cell, at most; None for all.
        max_x_across: Speakers of X for each phone, context and speaker of A, at most; None for all.
        seed: Seed of the choice of these.
    """

    is_across: bool
    same_context: bool
    max_size_group: int | None = 10
    max_x_across: int | None = 5
    seed: int = 0


@dataclass(frozen=True)
class AbxError:
    """Error of a condition.

    Attributes:
        error_rate: Mean error; None without a cell.
        num_cells: Cells that were averaged.
    """

    error_rate: float | None
    num_cells: int


@dataclass(frozen=True)
class _Comparison:
    """Instances of one phone, X, that are compared with all phones of one context and speaker.

    Attributes:
        x: `(X,)` the instances.
        targets: Instances by phone, those of A first.
        key: Phone, context and speaker of A.
    """

    x: np.ndarray
    targets: Mapping[str, np.ndarray]
    key: tuple[str, Context, str]

    @property
    def num_pairs(self) -> int:
        return len(self.x) * sum(map(len, self.targets.values()))

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Instances of X, and those that each is compared with, row by row."""
        targets = np.concatenate(list(self.targets.values()))
        return np.repeat(self.x, len(targets)), np.tile(targets, len(self.x))


def abx_error(
    items: Sequence[AbxItem],
    sequences: Sequences,
    condition: AbxCondition,
    done: Callable[[float], None] = lambda share: None,
) -> AbxError:
    """Returns the ABX error of phones.

    Args:
        items: The phones.
        sequences: Their frames, in the same order.
        condition: Which triples are compared.
        done: Called with the share of the work that is done.
    """
    comparisons = list(_comparisons(items, condition))
    total = sum(each.num_pairs for each in comparisons)
    errors: dict[tuple[str, str, str], list[float]] = defaultdict(list)  # phones and speaker
    finished = 0
    for batch in _batches(comparisons):
        pairs = [each.pairs() for each in batch]
        rows, columns = (np.concatenate(each) for each in zip(*pairs, strict=True))
        distances = aligned_distances(sequences, rows, columns)
        ends = np.cumsum([each.num_pairs for each in batch])
        for each, own in zip(batch, np.split(distances, ends[:-1]), strict=True):
            phone, _, speaker = each.key
            found = _cell_errors(own.reshape(len(each.x), -1), each.targets, condition.is_across)
            for other, error in found.items():
                errors[phone, other, speaker].append(error)
        finished += int(ends[-1])
        done(finished / total)
    return _averaged(errors)


def _comparisons(items: Sequence[AbxItem], condition: AbxCondition) -> Iterator[_Comparison]:
    # Instances by context and speaker, then by phone, all in the order of the items.
    groups: dict[tuple[Context, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, item in enumerate(items):
        context = item.context if condition.same_context else None
        groups[context, item.speaker][item.phone].append(number)
    chosen = {of: _chosen_instances(phones, condition, of) for of, phones in groups.items()}
    speakers: dict[tuple[Context, str], list[str]] = defaultdict(list)
    for (context, speaker), phones in chosen.items():
        for phone in phones:
            speakers[context, phone].append(speaker)
    for (context, speaker), phones in chosen.items():
        if len(phones) < 2:
            continue
        for phone, own in phones.items():
            targets = {phone: own, **phones}  # the phone itself first
            key = (phone, context, speaker)
            if not condition.is_across:
                if len(own) > 1:
                    yield _Comparison(own, targets, key)
                continue
            others = [each for each in speakers[context, phone] if each != speaker]
            name = condition.seed, "speakers of X", repr(key)
            for number in _sampled(len(others), condition.max_x_across, *name):
                yield _Comparison(chosen[context, others[number]][phone], targets, key)


def _chosen_instances(
    phones: Mapping[str, Sequence[int]], condition: AbxCondition, of: tuple[Context, str]
) -> dict[str, np.ndarray]:
    """Instances of each phone of one context and speaker."""
    chosen = {}
    for phone, instances in phones.items():
        name = condition.seed, "instances", repr((phone, *of))
        numbers = _sampled(len(instances), condition.max_size_group, *name)
        chosen[phone] = np.array(instances, np.int64)[numbers]
    return chosen


def _sampled(size: int, limit: int | None, *key: str | int) -> np.ndarray:
    """Returns ascending numbers below `size`, at most `limit` of them, chosen by a key."""
    return np.sort(keyed_permutation(size, *key)[:limit])


def _batches(comparisons: Sequence[_Comparison]) -> Iterator[list[_Comparison]]:
    """Comparisons in batches of about PAIRS_AT_ONCE pairs."""
    batch: list[_Comparison] = []
    num_pairs = 0
    for each in comparisons:
        batch.append(each)
        num_pairs += each.num_pairs
        if num_pairs >= PAIRS_AT_ONCE:
            yield batch
            batch, num_pairs = [], 0
    if batch:
        yield batch


def _cell_errors(
    distances: np.ndarray, targets: Mapping[str, np.ndarray], is_across: bool
) -> dict[str, float]:
    """Errors of a comparison by the phone of B.

    Args:
        distances: `(X, A + B ...)` from each X to the instances of A and of all other phones.
        targets: Instances by phone, those of A first.
        is_across: Whether X are others than A.
    """
    sizes = [len(each) for each in targets.values()]
    num_x, num_a = len(distances), sizes[0]
    to_a, to_b = distances[:, :num_a].copy(), distances[:, num_a:]
    if not is_across:
        np.fill_diagonal(to_a, np.inf)  # X is no A of its own
    wrong = np.zeros(to_b.shape[1])
    for own, others in zip(np.sort(to_a, axis=1), to_b, strict=True):
        nearer = np.searchsorted(own, others, side="left")  # A that are nearer than each B
        not_farther = np.searchsorted(own, others, side="right")
        wrong += num_a - (nearer + not_farther) / 2
    if not is_across:
        wrong -= num_x  # the triples in which A would have been X itself
    num_pairs = num_x * (num_a if is_across else num_a - 1)
    starts = np.cumsum([0, *sizes[1:-1]])
    per_phone = np.add.reduceat(wrong, starts) / (num_pairs * np.array(sizes[1:]))
    return dict(zip(list(targets)[1:], per_phone.tolist(), strict=True))


def _averaged(errors: Mapping[tuple[str, str, str], Sequence[float]]) -> AbxError:
    """Averages over contexts and speakers of X, then over speakers, then over pairs of phones."""
    by_phones: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (phone, other, _), found in errors.items():
        by_phones[phone, other].append(float(np.mean(found)))
    num_cells = sum(map(len, errors.values()))
    if not num_cells:
        return AbxError(None, 0)
    return AbxError(float(np.mean([np.mean(each) for each in by_phones.values()])), num_cells)
