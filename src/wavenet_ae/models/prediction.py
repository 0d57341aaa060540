"""From targets and conditioning to predictions, the same in every model with a decoder."""

from __future__ import annotations

from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.decoders import Decoder
from wavenet_ae.types import ModelOutput


def predict_targets(
    decoder: Decoder,
    targets: Tensor,
    conditioning: Tensor,
    speaker: Tensor,
    plan: WindowPlan,
) -> ModelOutput:
    """Returns the predictions of `plan.targets` and what they cost.

    Args:
        decoder: Decoder of the model.
        targets: Targets (B, ...) or frames (B, ..., C) of `plan.target_input`.
        conditioning: Vectors (B, C, M).
        speaker: Rows (B,).
        plan: Where the parts of the window lie.
    """
    parameters = decoder(targets[:, plan.decoder_input], conditioning, speaker)
    parameters = parameters[..., : plan.num_targets]  # (B, P, W)
    predicted = targets[:, plan.targets]
    nll = decoder.output.nll(parameters, predicted)  # (B, W)
    return ModelOutput(nll, parameters, predicted)


def targets_in(num_samples: int, hop: int) -> int:
    """Returns the number of targets that stand for a number of samples, one every `hop` of them.

    Raises:
        ValueError: It is not a whole number.
    """
    if num_samples % hop:
        raise ValueError(f"{num_samples} samples are no whole number of targets of {hop} samples")
    return num_samples // hop
