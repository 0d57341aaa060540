"""The speakers as whom utterances are generated."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from difflib import SequenceMatcher

from wavenet_ae.errors import UserError
from wavenet_ae.generation.utterances import Utterance
from wavenet_ae.models import GenerativeModel

logger = logging.getLogger(__name__)

NUM_SHOWN = 12


def target_speakers(
    model: GenerativeModel, utterances: Sequence[Utterance], speaker: str | None
) -> list[str | None]:
    """Chooses the speaker of each result.

    Args:
        model: What generates.
        utterances: Of the results.
        speaker: Of all results; None: each utterance's own, if the model knows it.

    Returns:
        Names, None for the unknown speaker.

    Raises:
        UserError: The model does not know `speaker`.
    """
    if speaker is not None:
        require_speaker(model, speaker)
        return [speaker] * len(utterances)
    known = set(model.speakers)
    if strangers := sorted({each.speaker for each in utterances if each.speaker} - known):
        more = f" and {len(strangers) - NUM_SHOWN} more" if len(strangers) > NUM_SHOWN else ""
        logger.info(
            "the model does not know these speakers and uses the unknown-speaker embedding: %s%s",
            *(", ".join(strangers[:NUM_SHOWN]), more),
        )
    return [each.speaker if each.speaker in known else None for each in utterances]


def require_speaker(model: GenerativeModel, speaker: str) -> None:
    """Raises UserError where the model cannot generate as this speaker."""
    if not model.speaker_conditioning:
        raise UserError(
            f"speaker is {speaker!r}, but this model was trained without speakers "
            "(model.speaker_conditioning=false): remove speaker"
        )
    if speaker in model.speakers:
        return
    likeness = {name: SequenceMatcher(None, speaker, name).ratio() for name in model.speakers}
    nearest = sorted(likeness, key=lambda name: (-likeness[name], name))
    more = f" and {len(nearest) - NUM_SHOWN} more" if len(nearest) > NUM_SHOWN else ""
    raise UserError(
        f"speaker is {speaker!r}, which the model does not know.  It knows "
        f"{', '.join(nearest[:NUM_SHOWN])}{more}"
    )
