"""Does the decoder use what it is given?  Predictions with something else in its place."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.metrics.bitrate import NATS_PER_BIT
from wavenet_ae.models import Autoencoder, GenerativeModel
from wavenet_ae.types import ModelOutput


def control_names(model: GenerativeModel) -> tuple[str, ...]:
    """Names of the controls, in the order of `controls`; a model without codes has the last."""
    of_codes = ("shuffled_codes", "zeroed_codes") if isinstance(model, Autoencoder) else ()
    return (*of_codes, "other_speaker")


def controls(
    model: GenerativeModel, output: ModelOutput, waveform: Tensor, speaker: Tensor, plan: WindowPlan
) -> Iterator[tuple[str, ModelOutput]]:
    """Predictions of windows whose own are `output`, by name:

    shuffled_codes    with the codes, or vectors, of item b + 1 of the batch
    zeroed_codes   with vectors of zeros, which no decoder has been trained on
    other_speaker  with the row of the next speaker the model knows
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
    """Rows (B,) of other speakers: the next known one, or the unknown one if there is no other."""
    return (speaker + 1) % max(num_speakers, 2)


def bits_per_second(nats_per_sample: Tensor, sample_rate: int) -> Tensor:
    return nats_per_sample * (sample_rate / NATS_PER_BIT)
