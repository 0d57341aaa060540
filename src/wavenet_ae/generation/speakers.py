"""Whose voice an utterance gets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from difflib import SequenceMatcher

from wavenet_ae.errors import UserError
from wavenet_ae.generation.utterances import Utterance
from wavenet_ae.models import GenerativeModel

logger = logging.getLogger(__name__)

NUM_SHOWN = 12


def voices_of(
    model: GenerativeModel, utterances: Sequence[Utterance], speaker: str | None
) -> list[str | None]:
    """The speaker of each result, None for the unknown speaker: `speaker` where one is given,
    else the utterance's own, where the model knows him or her; where not, it is said.

    Raises UserError where the model does not know `speaker`.
    """
    if speaker is not None:
        require_speaker(model, speaker)
        return [speaker] * len(utterances)
    known = set(model.speakers)
    if strangers := sorted({each.speaker for each in utterances if each.speaker} - known):
        more = f" and {len(strangers) - NUM_SHOWN} more" if len(strangers) > NUM_SHOWN else ""
        logger.info(
            "the model does not know these speakers, whose voice is of nobody known: %s%s",
            *(", ".join(strangers[:NUM_SHOWN]), more),
        )
    return [each.speaker if each.speaker in known else None for each in utterances]


def require_speaker(model: GenerativeModel, speaker: str) -> None:
    """UserError where the model cannot speak with this voice."""
    if not model.speaker_conditioning:
        raise UserError(
            f"speaker is {speaker!r}, but this model was trained without speakers "
            "(model.speaker_conditioning=false): leave speaker out"
        )
    if speaker in model.speakers:
        return
    likeness = {name: SequenceMatcher(None, speaker, name).ratio() for name in model.speakers}
    nearest = sorted(likeness, key=lambda name: (-likeness[name], name))
    more = f" and {len(nearest) - NUM_SHOWN} more" if len(nearest) > NUM_SHOWN else ""
    raise UserError(
        f"speaker is {speaker!r}, whom the model does not know.  It knows "
        f"{', '.join(nearest[:NUM_SHOWN])}{more}"
    )
