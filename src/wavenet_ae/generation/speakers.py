"""The speakers as whom utterances are generated."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from wavenet_ae.generation.utterances import Utterance
from wavenet_ae.models import GenerativeModel
from wavenet_ae.models.inputs import NUM_SHOWN, checked_speaker

logger = logging.getLogger(__name__)


def target_speakers(
    model: GenerativeModel, utterances: Sequence[Utterance], speaker: str | None
) -> list[str | None]:
    """Chooses the speaker of each result.

    Args:
        model: What generates.
        utterances: Of the results.
        speaker: Of all results, see `checked_speaker`; None: each utterance's own, if the model
            knows it.

    Returns:
        Names, None for the unknown speaker.

    Raises:
        UserError: The model does not know `speaker`.
    """
    if speaker is not None:
        return [checked_speaker(model, speaker)] * len(utterances)
    known = set(model.speakers)
    if strangers := sorted({each.speaker for each in utterances if each.speaker} - known):
        more = f" and {len(strangers) - NUM_SHOWN} more" if len(strangers) > NUM_SHOWN else ""
        logger.info(
            "the model does not know these speakers and uses the unknown-speaker embedding: %s%s",
            *(", ".join(strangers[:NUM_SHOWN]), more),
        )
    return [each.speaker if each.speaker in known else None for each in utterances]
