"""Ablations: predictions with shuffled codes, zeroed codes or another speaker.

They show whether the decoder uses its conditioning.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.metrics.bitrate import NATS_PER_BIT
from wavenet_ae.models import Autoencoder, GenerativeModel
from wavenet_ae.types import ModelOutput


def control_names(model: GenerativeModel) -> tuple[str, ...]:
    """Returns the names of the controls in the order of `controls`.

    A model without codes has only `other_speaker`.
    """
    for_codes = ("shuffled_codes", "zeroed_codes") if isinstance(model, Autoencoder) else ()
    return (*for_codes, "other_speaker")


def controls(
    model: GenerativeModel, output: ModelOutput, waveform: Tensor, speaker: Tensor, plan: WindowPlan
) -> Iterator[tuple[str, ModelOutput]]:
    """Predicts windows again with something else in place of the codes or the speaker.

        shuffled_codes   with the codes, or vectors, of item b + 1 of the batch
        zeroed_codes     with vectors of zeros, which no decoder has been trained on
        other_speaker    with the row of the next speaker that the model knows

    Args:
        model: The model, in evaluation mode.
        output: Its own predictions of the windows.
        waveform: `(B, T)` int16.
        speaker: `(B,)` int64.
        plan: Layout of the windows.

    Yields:
        Name and predictions of each control.
    """
    others = other_speakers(speaker, len(model.speakers))
    if not isinstance(model, Autoencoder):
        yield "other_speaker", model(waveform, others, plan)
        return
    own = output.bottleneck
    assert own is not None
    shifted = own.vectors.roll(-1, dims=0)
    yield "shuffled_codes", model.predict(own, shifted, waveform, speaker, plan)
    zeros = torch.zeros_like(own.vectors)
    yield "zeroed_codes", model.predict(own, zeros, waveform, speaker, plan)
    yield "other_speaker", model.predict(own, own.vectors, waveform, others, plan)


def other_speakers(speaker: Tensor, num_speakers: int) -> Tensor:
    """Returns rows `(B,)` of the next known speakers, or of the unknown one if there is none."""
    return (speaker + 1) % max(num_speakers, 2)


def bits_per_second(nats_per_sample: Tensor, sample_rate: int) -> Tensor:
    """Converts nats per sample to bits per second."""
    return nats_per_sample * (sample_rate / NATS_PER_BIT)
