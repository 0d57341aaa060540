"""Splits of few recordings by time: the end of each validates.

    |--------------- train ---------------| gap |-- validation --| gap |-- test --|

Each piece becomes an utterance, and no window reaches beyond its utterance, so whatever a model's
receptive field, no sample that it reads in training is in another split. The gap keeps the filters
of resampling apart too.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from wavenet_ae.data.splits import FEW, Splits
from wavenet_ae.data.utterances import Utterance
from wavenet_ae.errors import UserError, counted

logger = logging.getLogger(__name__)

GAP_SECONDS = 0.1


def cut_by_time(
    utterances: Sequence[Utterance], splits: Splits, sample_rate: int
) -> list[tuple[Utterance, str]]:
    """Cuts utterances without an explicit split into pieces, each with its split.

    Parts that overlap are cut at the same samples. What is too short to be cut is for training, but
    where all are, whole ones are held out if there are several.

    Args:
        utterances: Usable utterances of a corpus, whole or parts of recordings.
        splits: Fractions of the pieces.
        sample_rate: Rate in Hz.

    Raises:
        UserError: If there is a single one and it is too short to be cut, or `Splits.assign` fails.
    """
    spans: dict[str, tuple[int, int]] = {}
    for each in utterances:
        if each.source.split is None:
            name = splits.name(each.source)
            first, stop = spans.get(name, (each.begin, each.stop))
            spans[name] = (min(first, each.begin), max(stop, each.stop))
    pieces = {name: _pieces(span, splits, sample_rate) for name, span in spans.items()}
    if not any(pieces.values()):
        if len(spans) > 1:
            sources = [each.source for each in utterances]
            return list(zip(utterances, splits.assign(sources), strict=True))
        raise UserError(_too_short(spans, splits, sample_rate))
    logger.warning(
        "%s cannot be divided as a whole: each is split by time, and its last %g %% %s",
        counted(len(spans), "recording"),
        100 * (splits.validation + splits.test),
        "validate and test" if splits.test else "validate",
    )
    found = []
    for each in utterances:
        if each.source.split is not None:
            found.append((each, each.source.split))
            continue
        whole = {"train": (each.begin, each.stop)}
        for split, (first, stop) in (pieces[splits.name(each.source)] or whole).items():
            first, stop = max(first, each.begin), min(stop, each.stop)
            if first < stop:
                found.append((each.piece(first, stop, sample_rate), split))
    return found


def _pieces(
    span: tuple[int, int], splits: Splits, sample_rate: int
) -> dict[str, tuple[int, int]] | None:
    """Ranges of samples by split; None if one would be shorter than a gap."""
    first, stop = span
    gap = round(GAP_SECONDS * sample_rate)
    test = stop - round(splits.test * (stop - first))
    validation = test - round(splits.validation * (stop - first))
    pieces = {"train": (first, validation - gap), "validation": (validation, test)}
    if splits.test:
        pieces |= {"validation": (validation, test - gap), "test": (test, stop)}
    return None if any(end - begin < gap for begin, end in pieces.values()) else pieces


def _too_short(spans: dict[str, tuple[int, int]], splits: Splits, sample_rate: int) -> str:
    longest = max(stop - first for first, stop in spans.values()) / sample_rate
    fractions = f"data.splits.validation={splits.validation:g}"
    fractions += f", data.splits.test={splits.test:g}" if splits.test else ""
    return (
        f"fewer than {FEW} recordings are split by time, but the longest has {longest:.3g} s: too "
        f"short for at least {GAP_SECONDS:g} s in each split ({fractions}). Add recordings or "
        "longer ones, or set data.splits.validation to about 0.3"
    )
