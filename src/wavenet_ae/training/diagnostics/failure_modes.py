"""What can go wrong with a run, by which figures it shows, and what to try.

Thresholds are those at which runs made to fail are called within their first tenth, and no healthy
run of any bottleneck is; docs/guide/watch.md has both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Literal

from wavenet_ae.training.diagnostics.history import History, Look
from wavenet_ae.training.diagnostics.suggestions import (
    Hint,
    Remedy,
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
SUDDEN = 10.0  # times the least of the kept looks
MOST_CLIPPED = 0.01  # of the samples
LITTLE_LEARNED = 0.1  # nats below the entropy of the levels
LITTLE_GAIN = 0.005  # nats per sample
TINY_UPDATE = 1e-4  # of a weight's norm
FIRST_STEPS = 100


@dataclass(frozen=True)
class FailureMode:
    """name      as people know it
    figure    key of the figure that shows it, or of several: those below it, after a slash
    monitor   the callback that logs it, by its name in the configuration; None: it always is
    shows     whether one look shows it
    meaning   what it means for the run
    remedies  what to try, the likeliest first
    watched   which looks show it
    worst     of several figures, the one to name
    """

    name: str
    figure: str
    monitor: str | None
    shows: Callable[[Look, History], bool]
    meaning: str
    remedies: Callable[[Look, History], Sequence[Remedy | Hint]]
    watched: Literal["training", "validation"] = "training"
    worst: Callable[[Iterable[float]], float] = max

    def is_present(self, chart: History, patience: int) -> bool:
        """Whether each of the last `patience` looks shows it."""
        looks = chart.last(self.watched, patience)
        return len(looks) == patience and all(self.shows(look, chart) for look in looks)

    def is_over(self, chart: History, patience: int) -> bool:
        """Whether none of them does."""
        return not any(self.shows(look, chart) for look in chart.last(self.watched, patience))

    def sentence(self, chart: History) -> str:
        """The figure, its value, what it means and what to try."""
        look = chart.last(self.watched, 1)[0]
        shown = figures_of(look, self.figure)
        key = next(key for key, value in shown.items() if value == self.worst(shown.values()))
        advice = advised(self.remedies(look, chart), chart)
        tried = f"  Try {' or '.join(advice)}." if advice else ""
        return f"{self.name}: {key} is {shown[key]:.3g}.  {self.meaning}{tried}"


def figures_of(look: Look, figure: str) -> dict[str, float]:
    """The figure of this key, and those below it."""
    return {
        key: value for key, value in look.items() if key == figure or key.startswith(f"{figure}/")
    }


def _few_codes(look: Look, chart: History) -> bool:
    """Of whichever codebook."""
    shown = figures_of(look, "codebook/batch_perplexity").values()
    return bool(shown) and log(min(shown)) < FEW_BITS * log(chart.possible_codes)


def _few_units(look: Look, chart: History) -> bool:
    if "vae/active_units" not in look:
        return False
    return look["vae/active_units"] <= FEW_UNITS * chart.setting("bottleneck.dim")


def _dead_layer(look: Look, chart: History) -> bool:
    return max(figures_of(look, "encoder/dead_units").values(), default=0.0) >= MOST_DEAD


def _cut_off(look: Look, chart: History) -> bool:
    gradient = look.get("encoder/gradient_norm_at_bottleneck", 1.0)
    return gradient < VANISHED and not _knows_nothing(look)  # else the decoder is the culprit


def _exploding(look: Look, chart: History) -> bool:
    key = "bottleneck/commitment"
    earlier = [each[key] for each in chart.training if key in each]
    return key in look and look[key] > SUDDEN * min(earlier)


def _clipped(look: Look, chart: History) -> bool:
    return look.get("input/clipped_fraction", 0.0) > MOST_CLIPPED


def _stalled(look: Look, chart: History) -> bool:
    return look["step"] >= _first_steps(chart) and _knows_nothing(look)


def _first_steps(chart: History) -> float:
    """Steps in which little is learned in any run."""
    return max(chart.setting("optimizer.warmup_steps"), FIRST_STEPS)


def _knows_nothing(look: Look) -> bool:
    """Whether the decoder predicts hardly better than by how frequent each level is."""
    return look["train/nll"] > look.get("input/level_entropy", float("inf")) - LITTLE_LEARNED


def _hardly_moves(look: Look) -> bool:
    return all(value < TINY_UPDATE for key, value in look.items() if key.startswith("updates/"))


def _ignored(look: Look, chart: History) -> bool:
    is_early = look["step"] < 3 * _first_steps(chart)
    return not is_early and look.get("validation/nll_increase_shuffled_codes", 1.0) < LITTLE_GAIN


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
    set_to("encoder.batch_norm", True),
    set_to("encoder.shortcut", True),
    at_least("optimizer.warmup_steps", 100),
)


def _for_collapse(look: Look, chart: History) -> Sequence[Remedy | Hint]:
    ratio = look.get("codebook/norm_ratio", 1.0)
    first = SAME_SCALE if not 1 / 3 < ratio < 3 else SAME_SCALE[1:]
    return (SMALL_COMMITMENT, *first, *FULL_OF_LIFE)


def _for_stall(look: Look, chart: History) -> Sequence[Remedy | Hint]:
    if _hardly_moves(look):
        return FASTER
    moves_more = look.get("updates/decoder", 0.0) > look.get("updates/encoder", 0.0)
    return tuple(reversed(SLOWER)) if moves_more else SLOWER


def _for_ignored(look: Look, chart: History) -> Sequence[Remedy | Hint]:
    own = LESS_KL if chart.has_logged("bottleneck/kl") else (SMALL_COMMITMENT, *FULL_OF_LIFE)
    return (*own, LESS_DECODER)


FAILURE_MODES = (
    FailureMode(
        name="codebook collapse",
        figure="codebook/batch_perplexity",
        monitor="codebook",
        worst=min,
        shows=_few_codes,
        meaning="Nearly all latents get the same few codes, which tell the decoder nothing.",
        remedies=_for_collapse,
    ),
    FailureMode(
        name="posterior collapse",
        figure="vae/active_units",
        monitor="posterior",
        shows=_few_units,
        meaning="The posterior is nearly the prior whatever the input: the KL costs more than "
        "its bits are worth to the decoder.",
        remedies=lambda look, chart: LESS_KL,
    ),
    FailureMode(
        name="dead encoder",
        figure="encoder/dead_units",
        monitor="dead_units",
        shows=_dead_layer,
        meaning="Of this layer's units so large a share is 0 whatever the input, and learns "
        "nothing any more.",
        remedies=lambda look, chart: DEAD_ENCODER,
    ),
    FailureMode(
        name="encoder without gradient",
        figure="encoder/gradient_norm_at_bottleneck",
        monitor="bottleneck_gradient",
        shows=_cut_off,
        meaning="The gradient of the loss does not reach the encoder, which learns nothing any "
        "more.",
        remedies=lambda look, chart: DEAD_ENCODER,
    ),
    FailureMode(
        name="exploding commitment",
        figure="bottleneck/commitment",
        monitor=None,
        shows=_exploding,
        meaning="The latents run away from their codes, which cannot follow.",
        remedies=lambda look, chart: (
            set_to("bottleneck.normalize", True),
            *SLOWER[:1],
            at_least("objective.bottleneck.commitment_weight", 0.01),
        ),
    ),
    FailureMode(
        name="saturated input",
        figure="input/clipped_fraction",
        monitor="waveform",
        shows=_clipped,
        meaning="So large a share of the samples is at full scale: recordings are clipped, and "
        "the model learns the clipping.",
        remedies=lambda look, chart: (OTHER_RECORDINGS,),
    ),
    FailureMode(
        name="stalled learning",
        figure="train/nll",
        monitor="waveform",
        shows=_stalled,
        meaning="Knowing only how frequent each level is would do as well (input/level_entropy).",
        remedies=_for_stall,
    ),
    FailureMode(
        name="ignored latents",
        figure="validation/nll_increase_shuffled_codes",
        monitor=None,
        shows=_ignored,
        meaning="With those of another utterance the decoder predicts as well: however many are "
        "in use, it does not listen.",
        remedies=_for_ignored,
        watched="validation",
    ),
)
