"""Failure modes of objectives without a decoder: contrastive and masked prediction."""

from __future__ import annotations

from math import exp

from wavenet_ae.training.diagnostics.failure_mode import (
    FailureMode,
    first_steps,
    hardly_moves,
)
from wavenet_ae.training.diagnostics.history import History, Snapshot
from wavenet_ae.training.diagnostics.suggestions import (
    FASTER,
    SLOWER,
    Hint,
    set_to,
    times,
)

NO_BETTER = 0.05  # nats below chance
TOO_EASY = 0.98  # of the predictions are right
FEW_CLUSTERS = 0.1  # of those in use among the targets


def _at_chance(snapshot: Snapshot, history: History) -> bool:
    chance = snapshot.get("train/contrastive_chance", float("inf"))
    is_early = snapshot["step"] < 3 * first_steps(history)
    return not is_early and snapshot.get("train/contrastive", 0.0) > chance - NO_BETTER


def _too_easy(snapshot: Snapshot, history: History) -> bool:
    return snapshot.get("train/contrastive_accuracy", 0.0) > TOO_EASY


def _few_clusters(snapshot: Snapshot, history: History) -> bool:
    """Returns whether the head predicts few of the clusters, by their perplexities."""
    if snapshot["step"] < 3 * first_steps(history):
        return False
    predicted = snapshot.get("train/masked_prediction_perplexity", float("inf"))
    return predicted < FEW_CLUSTERS * exp(snapshot.get("train/masked_prediction_chance", 0.0))


OBJECTIVE_FAILURES = (
    FailureMode(
        name="contrastive prediction at chance",
        metric="train/contrastive",
        monitor=None,
        shows=_at_chance,
        meaning="Guessing would do as well (train/contrastive_chance): the context knows nothing "
        "of what follows.",
        suggestions=lambda snapshot, history: (
            FASTER[0] if hardly_moves(snapshot) else SLOWER[0],
            set_to("objective.contrastive.temperature", 0.1),
            set_to("encoder.norm", "batch"),
        ),
    ),
    FailureMode(
        name="overlapping latents",
        metric="train/contrastive_accuracy",
        monitor=None,
        shows=_too_easy,
        meaning="Nearly every prediction is right: what the predicted latents read overlaps what "
        "the context has read, which can be matched without knowing speech.",
        suggestions=lambda snapshot, history: (
            times("objective.contrastive.num_ahead", 2),
            Hint("smaller encoder.kernels and dilations"),
        ),
    ),
    FailureMode(
        name="masked prediction of few clusters",
        metric="train/masked_prediction_perplexity",
        monitor=None,
        worst=min,
        shows=_few_clusters,
        meaning="The head predicts the same few clusters whatever the input; the targets have many "
        "more (exp of train/masked_prediction_chance).",
        suggestions=lambda snapshot, history: (
            FASTER[0] if hardly_moves(snapshot) else SLOWER[0],
            set_to("encoder.norm", "batch"),
        ),
    ),
)
