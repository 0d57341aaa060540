"""Failure modes of the networks and their input: no activity, no gradient, no progress."""

from __future__ import annotations

from collections.abc import Sequence

from wavenet_ae.training.diagnostics.failure_mode import (
    FailureMode,
    first_steps,
    hardly_moves,
    metrics_of,
)
from wavenet_ae.training.diagnostics.history import History, Snapshot
from wavenet_ae.training.diagnostics.suggestions import (
    FASTER,
    SLOWER,
    Hint,
    Suggestion,
    at_least,
    set_to,
)

MOST_DEAD = 0.9  # of the units of a layer
VANISHED = 1e-10  # the gradient's norm; in healthy runs 1e-5 to 1e-1
MOST_CLIPPED = 0.01  # of the samples
LITTLE_LEARNED = 0.1  # nats below the entropy of the levels


def _dead_layer(snapshot: Snapshot, history: History) -> bool:
    return max(metrics_of(snapshot, "encoder/dead_units").values(), default=0.0) >= MOST_DEAD


def _cut_off(snapshot: Snapshot, history: History) -> bool:
    gradients = metrics_of(snapshot, "encoder/gradient_norm_at_bottleneck").values()
    return min(gradients, default=1.0) < VANISHED and not _knows_nothing(
        snapshot
    )  # else the decoder is the culprit


def _clipped(snapshot: Snapshot, history: History) -> bool:
    return snapshot.get("input/clipped_fraction", 0.0) > MOST_CLIPPED


def _stalled(snapshot: Snapshot, history: History) -> bool:
    return snapshot["step"] >= first_steps(history) and _knows_nothing(snapshot)


def _knows_nothing(snapshot: Snapshot) -> bool:
    """Returns whether the decoder predicts hardly better than by how frequent each level is."""
    if "train/nll" not in snapshot:  # of a model without a decoder
        return False
    return (
        snapshot["train/nll"] > snapshot.get("input/level_entropy", float("inf")) - LITTLE_LEARNED
    )


OTHER_RECORDINGS = Hint("data=table data.path=<a table of those that are not clipped>")
DEAD_ENCODER = (
    SLOWER[0],
    set_to("encoder.norm", "batch"),
    set_to("encoder.shortcut", True),
    at_least("optimizer.warmup_steps", 100),
)


def _for_stall(snapshot: Snapshot, history: History) -> Sequence[Suggestion | Hint]:
    if hardly_moves(snapshot):
        return FASTER
    moves_more = snapshot.get("updates/decoder", 0.0) > snapshot.get("updates/encoder", 0.0)
    return tuple(reversed(SLOWER)) if moves_more else SLOWER


NETWORK_FAILURES = (
    FailureMode(
        name="dead encoder",
        metric="encoder/dead_units",
        monitor="dead_units",
        shows=_dead_layer,
        meaning="This share of the layer's units is 0 whatever the input, and learns nothing any "
        "more.",
        suggestions=lambda snapshot, history: DEAD_ENCODER,
    ),
    FailureMode(
        name="encoder without gradient",
        metric="encoder/gradient_norm_at_bottleneck",
        monitor="bottleneck_gradient",
        worst=min,
        shows=_cut_off,
        meaning="The gradient of the loss does not reach the encoder, which learns nothing any "
        "more.",
        suggestions=lambda snapshot, history: DEAD_ENCODER,
    ),
    FailureMode(
        name="saturated input",
        metric="input/clipped_fraction",
        monitor="waveform",
        shows=_clipped,
        meaning="So large a share of the samples is at full scale: recordings are clipped, and "
        "the model learns the clipping.",
        suggestions=lambda snapshot, history: (OTHER_RECORDINGS,),
    ),
    FailureMode(
        name="stalled learning",
        metric="train/nll",
        monitor="waveform",
        shows=_stalled,
        meaning="Knowing only how frequent each level is would do as well (input/level_entropy).",
        suggestions=_for_stall,
    ),
)
