"""A small search, and what it has found."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from helpers.configs import TINY

NUM_TRIALS, STEPS = 5, 80
DIVERGES = "1e+30"  # of both rates
SEARCH = [
    *[each for each in TINY if not each.startswith(("optimizer.", "trainer.max_steps"))],
    *("bottleneck=ae", "sweep=learning_rates", "optimizer.warmup_steps=5"),
    f"optimizer.learning_rate=choice(0.001,0.002,{DIVERGES})",
    "optimizer.decoder_learning_rate=tag(log,interval(1e-3,1e-2))",
    f"trainer.max_steps={STEPS}",
    f"hydra.sweeper.num_trials={NUM_TRIALS}",
]


def trials_of(sweep: Path) -> list[FrozenTrial]:
    return optuna.load_study(
        study_name="search", storage=f"sqlite:///{sweep / 'search.db'}"
    ).get_trials()


def outcomes(sweep: Path) -> list[tuple]:
    return [(each.number, each.params, each.values, each.state) for each in trials_of(sweep)]
