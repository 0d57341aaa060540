"""Failure modes of latents and codes: collapse, an exploding commitment, latents without use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log

from wavenet_ae.training.diagnostics.failure_mode import (
    FailureMode,
    by_stream,
    first_steps,
    metrics_of,
    sized_as,
)
from wavenet_ae.training.diagnostics.history import History, Snapshot
from wavenet_ae.training.diagnostics.suggestions import (
    SLOWER,
    Hint,
    Suggestion,
    at_least,
    at_most,
    halved,
    set_to,
    switched_on,
    times,
)

FEW_BITS = 0.25  # of those that a batch of codes could have
FEW_UNITS = 0.1  # of the dimensions
SUDDEN = 10.0  # times the least of the kept snapshots
LITTLE_GAIN = 0.005  # nats per sample


def _few_codes(snapshot: Snapshot, history: History) -> bool:
    """Returns whether any codebook of any stream uses few of its codes."""
    return any(
        log(perplexity) < FEW_BITS * log(sized_as(stream, history.possible_codes))
        for stream, perplexity in by_stream(snapshot, "codebook/batch_perplexity")
    )


def _few_units(snapshot: Snapshot, history: History) -> bool:
    return any(
        units <= FEW_UNITS * sized_as(stream, history.vector_dims)
        for stream, units in by_stream(snapshot, "vae/active_units")
    )


def _exploding(snapshot: Snapshot, history: History) -> bool:
    for key, value in metrics_of(snapshot, "bottleneck/commitment").items():
        earlier = [each[key] for each in history.training if key in each]
        if value > SUDDEN * min(earlier):
            return True
    return False


def _ignored(snapshot: Snapshot, history: History) -> bool:
    is_early = snapshot["step"] < 3 * first_steps(history)
    return (
        not is_early and snapshot.get("validation/nll_increase_shuffled_codes", 1.0) < LITTLE_GAIN
    )


FULL_OF_LIFE = (
    at_least("bottleneck.start_after", 900),
    set_to("encoder.shortcut", True),
    switched_on("bottleneck.revive_after", 50),
)
SAME_SCALE = (
    set_to("bottleneck.normalize", True),
    set_to("bottleneck.init", "kmeans"),
)
SMALL_COMMITMENT = replace(
    at_most("objective.bottleneck.commitment_weight", 1e-4), read_with="bottleneck/commitment"
)
LESS_DECODER = halved("decoder.layers_per_block")
LESS_KL = (
    times("objective.bottleneck.kl_weight", 0.1),
    at_least("objective.bottleneck.free_nats", 3.0),
    at_least("objective.bottleneck.kl_anneal_steps", 500),
)


def _for_collapse(snapshot: Snapshot, history: History) -> Sequence[Suggestion | Hint]:
    ratio = snapshot.get("codebook/norm_ratio", 1.0)
    first = SAME_SCALE if not 1 / 3 < ratio < 3 else SAME_SCALE[1:]
    return (SMALL_COMMITMENT, *first, *FULL_OF_LIFE)


def _for_ignored(snapshot: Snapshot, history: History) -> Sequence[Suggestion | Hint]:
    own = LESS_KL if history.has_logged("bottleneck/kl") else (SMALL_COMMITMENT, *FULL_OF_LIFE)
    return (*own, LESS_DECODER)


LATENT_FAILURES = (
    FailureMode(
        name="codebook collapse",
        metric="codebook/batch_perplexity",
        monitor="codebook",
        worst=min,
        shows=_few_codes,
        meaning="Nearly all latents get the same few codes, which tell the decoder nothing.",
        suggestions=_for_collapse,
    ),
    FailureMode(
        name="posterior collapse",
        metric="vae/active_units",
        monitor="posterior",
        worst=min,
        shows=_few_units,
        meaning="The posterior is nearly the prior whatever the input: the KL costs more than "
        "its bits are worth to the decoder.",
        suggestions=lambda snapshot, history: LESS_KL,
    ),
    FailureMode(
        name="exploding commitment",
        metric="bottleneck/commitment",
        monitor=None,
        shows=_exploding,
        meaning="The latents run away from their codes, which cannot follow.",
        suggestions=lambda snapshot, history: (
            set_to("bottleneck.normalize", True),
            *SLOWER[:1],
            at_least("objective.bottleneck.commitment_weight", 0.01),
        ),
    ),
    FailureMode(
        name="ignored latents",
        metric="validation/nll_increase_shuffled_codes",
        monitor=None,
        shows=_ignored,
        meaning="With those of another utterance the decoder predicts as well: however many are "
        "in use, it does not listen.",
        suggestions=_for_ignored,
        watched="validation",
    ),
)
