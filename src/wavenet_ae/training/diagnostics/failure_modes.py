"""Failure modes of training: the metrics that show them, and what to try.

At these thresholds runs that are made to fail are detected within their first tenth, and no healthy
run of any bottleneck is; docs/guide/watch.md has both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from typing import Literal

from wavenet_ae.training.diagnostics.history import History, Snapshot
from wavenet_ae.training.diagnostics.suggestions import (
    Hint,
    Suggestion,
    advised,
    at_least,
    at_most,
    halved,
    set_to,
    switched_on,
    times,
)

FEW_BITS = 0.25  # of those that a batch of codes could have
FEW_UNITS = 0.1  # of the dimensions
MOST_DEAD = 0.9  # of the units of a layer
VANISHED = 1e-10  # the gradient's norm; in healthy runs 1e-5 to 1e-1
SUDDEN = 10.0  # times the least of the kept snapshots
MOST_CLIPPED = 0.01  # of the samples
LITTLE_LEARNED = 0.1  # nats below the entropy of the levels
LITTLE_GAIN = 0.005  # nats per sample
TINY_UPDATE = 1e-4  # of a weight's norm
NO_BETTER = 0.05  # nats below chance
TOO_EASY = 0.98  # of the predictions are right
FEW_CLUSTERS = 0.1  # of those in use among the targets
FIRST_STEPS = 100


@dataclass(frozen=True)
class FailureMode:
    """One way in which training fails.

    Attributes:
        name: Its name.
        metric: Key of the metric that shows it, or what comes before the slash of several.
        monitor: Name of the monitor that logs the metric; None where it is always logged.
        shows: Returns whether a snapshot shows it.
        meaning: What it means for the run.
        suggestions: Returns what to try, the likeliest first.
        watched: Which snapshots show it.
        worst: Chooses the metric to name among several.
    """

    name: str
    metric: str
    monitor: str | None
    shows: Callable[[Snapshot, History], bool]
    meaning: str
    suggestions: Callable[[Snapshot, History], Sequence[Suggestion | Hint]]
    watched: Literal["training", "validation"] = "training"
    worst: Callable[[Iterable[float]], float] = max

    def is_present(self, history: History, patience: int) -> bool:
        """Returns whether each of the last `patience` snapshots shows it."""
        snapshots = history.last(self.watched, patience)
        return len(snapshots) == patience and all(
            self.shows(snapshot, history) for snapshot in snapshots
        )

    def is_over(self, history: History, patience: int) -> bool:
        """Returns whether none of the last `patience` snapshots shows it."""
        return not any(
            self.shows(snapshot, history) for snapshot in history.last(self.watched, patience)
        )

    def sentence(self, history: History) -> str:
        """Returns the warning: the metric, its value, what it means and what to try."""
        snapshot = history.last(self.watched, 1)[0]
        shown = metrics_of(snapshot, self.metric)
        key = next(key for key, value in shown.items() if value == self.worst(shown.values()))
        advice = advised(self.suggestions(snapshot, history), history)
        tried = f"  Try {' or '.join(advice)}." if advice else ""
        return f"{self.name}: {key} is {shown[key]:.3g}.  {self.meaning}{tried}"


def metrics_of(snapshot: Snapshot, metric: str) -> dict[str, float]:
    """Returns the metric of this key and those whose key begins with it and a slash."""
    return {
        key: value
        for key, value in snapshot.items()
        if key == metric or key.startswith(f"{metric}/")
    }


def _few_codes(snapshot: Snapshot, history: History) -> bool:
    """Of whichever codebook."""
    shown = metrics_of(snapshot, "codebook/batch_perplexity").values()
    return bool(shown) and log(min(shown)) < FEW_BITS * log(history.possible_codes)


def _few_units(snapshot: Snapshot, history: History) -> bool:
    if "vae/active_units" not in snapshot:
        return False
    return snapshot["vae/active_units"] <= FEW_UNITS * history.setting("bottleneck.dim")


def _dead_layer(snapshot: Snapshot, history: History) -> bool:
    return max(metrics_of(snapshot, "encoder/dead_units").values(), default=0.0) >= MOST_DEAD


def _cut_off(snapshot: Snapshot, history: History) -> bool:
    gradient = snapshot.get("encoder/gradient_norm_at_bottleneck", 1.0)
    return gradient < VANISHED and not _knows_nothing(snapshot)  # else the decoder is the culprit


def _exploding(snapshot: Snapshot, history: History) -> bool:
    key = "bottleneck/commitment"
    earlier = [each[key] for each in history.training if key in each]
    return key in snapshot and snapshot[key] > SUDDEN * min(earlier)


def _clipped(snapshot: Snapshot, history: History) -> bool:
    return snapshot.get("input/clipped_fraction", 0.0) > MOST_CLIPPED


def _stalled(snapshot: Snapshot, history: History) -> bool:
    return snapshot["step"] >= _first_steps(history) and _knows_nothing(snapshot)


def _first_steps(history: History) -> float:
    """Returns the number of steps in which little is learned in any run."""
    return max(history.setting("optimizer.warmup_steps"), FIRST_STEPS)


def _knows_nothing(snapshot: Snapshot) -> bool:
    """Returns whether the decoder predicts hardly better than by how frequent each level is."""
    if "train/nll" not in snapshot:  # of a model without a decoder
        return False
    return (
        snapshot["train/nll"] > snapshot.get("input/level_entropy", float("inf")) - LITTLE_LEARNED
    )


def _hardly_moves(snapshot: Snapshot) -> bool:
    return all(value < TINY_UPDATE for key, value in snapshot.items() if key.startswith("updates/"))


def _ignored(snapshot: Snapshot, history: History) -> bool:
    is_early = snapshot["step"] < 3 * _first_steps(history)
    return (
        not is_early and snapshot.get("validation/nll_increase_shuffled_codes", 1.0) < LITTLE_GAIN
    )


def _at_chance(snapshot: Snapshot, history: History) -> bool:
    chance = snapshot.get("train/contrastive_chance", float("inf"))
    is_early = snapshot["step"] < 3 * _first_steps(history)
    return not is_early and snapshot.get("train/contrastive", 0.0) > chance - NO_BETTER


def _too_easy(snapshot: Snapshot, history: History) -> bool:
    return snapshot.get("train/contrastive_accuracy", 0.0) > TOO_EASY


def _few_clusters(snapshot: Snapshot, history: History) -> bool:
    """Whether the head predicts few of the clusters, by their perplexities."""
    if snapshot["step"] < 3 * _first_steps(history):
        return False
    predicted = snapshot.get("train/masked_prediction_perplexity", float("inf"))
    return predicted < FEW_CLUSTERS * exp(snapshot.get("train/masked_prediction_chance", 0.0))


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
SLOWER = (times("optimizer.learning_rate", 0.1), times("optimizer.decoder_learning_rate", 0.1))
FASTER = (times("optimizer.learning_rate", 10), times("optimizer.decoder_learning_rate", 10))
LESS_KL = (
    times("objective.bottleneck.kl_weight", 0.1),
    at_least("objective.bottleneck.free_nats", 3.0),
    at_least("objective.bottleneck.kl_anneal_steps", 500),
)
OTHER_RECORDINGS = Hint("data=table data.path=<a table of those that are not clipped>")
DEAD_ENCODER = (
    SLOWER[0],
    set_to("encoder.norm", "batch"),
    set_to("encoder.shortcut", True),
    at_least("optimizer.warmup_steps", 100),
)


def _for_collapse(snapshot: Snapshot, history: History) -> Sequence[Suggestion | Hint]:
    ratio = snapshot.get("codebook/norm_ratio", 1.0)
    first = SAME_SCALE if not 1 / 3 < ratio < 3 else SAME_SCALE[1:]
    return (SMALL_COMMITMENT, *first, *FULL_OF_LIFE)


def _for_stall(snapshot: Snapshot, history: History) -> Sequence[Suggestion | Hint]:
    if _hardly_moves(snapshot):
        return FASTER
    moves_more = snapshot.get("updates/decoder", 0.0) > snapshot.get("updates/encoder", 0.0)
    return tuple(reversed(SLOWER)) if moves_more else SLOWER


def _for_ignored(snapshot: Snapshot, history: History) -> Sequence[Suggestion | Hint]:
    own = LESS_KL if history.has_logged("bottleneck/kl") else (SMALL_COMMITMENT, *FULL_OF_LIFE)
    return (*own, LESS_DECODER)


FAILURE_MODES = (
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
        shows=_few_units,
        meaning="The posterior is nearly the prior whatever the input: the KL costs more than "
        "its bits are worth to the decoder.",
        suggestions=lambda snapshot, history: LESS_KL,
    ),
    FailureMode(
        name="dead encoder",
        metric="encoder/dead_units",
        monitor="dead_units",
        shows=_dead_layer,
        meaning="Of this layer's units so large a share is 0 whatever the input, and learns "
        "nothing any more.",
        suggestions=lambda snapshot, history: DEAD_ENCODER,
    ),
    FailureMode(
        name="encoder without gradient",
        metric="encoder/gradient_norm_at_bottleneck",
        monitor="bottleneck_gradient",
        shows=_cut_off,
        meaning="The gradient of the loss does not reach the encoder, which learns nothing any "
        "more.",
        suggestions=lambda snapshot, history: DEAD_ENCODER,
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
    FailureMode(
        name="contrastive prediction at chance",
        metric="train/contrastive",
        monitor=None,
        shows=_at_chance,
        meaning="Guessing would do as well (train/contrastive_chance): the context knows nothing "
        "of what follows.",
        suggestions=lambda snapshot, history: (
            FASTER[0] if _hardly_moves(snapshot) else SLOWER[0],
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
            FASTER[0] if _hardly_moves(snapshot) else SLOWER[0],
            set_to("encoder.norm", "batch"),
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
