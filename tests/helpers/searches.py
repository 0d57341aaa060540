"""Small searches, with runs and without, and what they have found."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from helpers.configs import OBJECTIVES, TINY
from wavenet_ae.search.settings import SearchSettings, parse_space
from wavenet_ae.search.study import Trials, open_trials

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
# Parameters of a study without runs.
PARAMS = {"x": "interval(0.0, 1.0)", "y": "choice(a,b)"}
REFERENCE = {
    "seed": 1,
    "trainer": {"max_steps": 10, "accelerator": "cpu"},
    "objective": OBJECTIVES,
}


def opened(folder, params=PARAMS, reference=REFERENCE, **settings) -> Trials:
    """The study in a folder, made where there is none."""
    checked = SearchSettings(num_trials=8, params=params, **settings)
    return open_trials(folder, parse_space(params, []), checked, reference)


def trials_of(sweep: Path) -> list[FrozenTrial]:
    return optuna.load_study(
        study_name="search", storage=f"sqlite:///{sweep / 'search.db'}"
    ).get_trials()


def outcomes(sweep: Path) -> list[tuple]:
    return [(each.number, each.params, each.values, each.state) for each in trials_of(sweep)]
