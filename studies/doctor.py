"""Does the doctor call the sick, and the sick alone?

python studies/doctor.py                        # seven sick runs, then every bottleneck x 5 seeds
python studies/doctor.py --seeds 1 --bottlenecks vae fsq

Sick runs have the default configuration, made to fail, and end after their first tenth.  Healthy
runs are those of each bottleneck at half their length and half their batch, to the end.  Writes
outputs/doctor/ and prints what was said, and how near healthy runs came to each threshold.
Interrupted, it goes on where it stopped: an hour and a half on one core.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from remedies import NONE, SETTING
from runs import ROOT, train

from wavenet_ae.audio.io import read, write
from wavenet_ae.dashboards.history import read_metrics

FOLDER = ROOT / "outputs" / "doctor"
RATE = 8000
LOUDER = 20
TENTH = ["trainer.max_steps=200", "validate_every_n_steps=200", "bottleneck.start_after=150"]
UNQUANTIZED = [*TENTH[:2]]  # for those that set `start_after` themselves, or have none
SICK = {
    "codebook collapse": ["bottleneck=vqvae", *NONE, *UNQUANTIZED],
    "posterior collapse": [
        *(
            "bottleneck=vae",
            "objective.bottleneck.kl_weight=100",
            "objective.bottleneck.kl_anneal_steps=0",
        ),
        *UNQUANTIZED,
    ],
    "dead encoder": [
        *("encoder.batch_norm=false", "encoder.shortcut=false"),
        *("optimizer.learning_rate=0.3", "optimizer.warmup_steps=0", *TENTH),
    ],
    "exploding commitment": [
        *("bottleneck=vqvae", "bottleneck.normalize=false", "bottleneck.start_after=0"),
        *("bottleneck.revive_after=0", "objective.bottleneck.commitment_weight=0"),
        *("optimizer.learning_rate=0.1", *UNQUANTIZED),
    ],
    "saturated input": ["data=folder", f"data.root={FOLDER / 'clipped'}", *TENTH],
    "stalled learning": [
        *("optimizer.learning_rate=1e-7", "optimizer.decoder_learning_rate=1e-7", *TENTH),
    ],
    "stalled learning, too fast": ["optimizer.decoder_learning_rate=3", *TENTH],
}
LATE = ["bottleneck.start_after=450"]
BOTTLENECKS: dict[str, list[str]] = {
    **{"vqvae_ema": LATE, "vqvae": LATE, "rvq": LATE, "simvq": LATE, "lfq": LATE},
    **{"fsq": [], "vae": [], "ae": [], "identity": []},
}
HEALTHY = [
    *(each for each in SETTING if not each.startswith(("bottleneck", "validate"))),
    *("validate_every_n_steps=250", "data.validation_seconds=20"),
]
# Of a figure that the doctor reads, the value of a run that is nearest to a call.
NEAREST: dict[str, Callable[[np.ndarray], float]] = {
    "codebook/batch_perplexity": np.min,
    "vae/active_units": np.min,
    "encoder/dead_units": np.max,
    "encoder/gradient_norm_at_bottleneck": np.min,
    "input/clipped_fraction": np.max,
    "validation/nll_increase_shuffled_codes": np.min,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--bottlenecks", nargs="+", default=list(BOTTLENECKS), choices=BOTTLENECKS)
    given = parser.parse_args()
    make_clipped_recordings(FOLDER / "clipped")
    for name, overrides in SICK.items():
        run = FOLDER / name.replace(" ", "_").replace(",", "")
        train(run, overrides)
        print(f"{name}:", *(said(run) or ["nothing said"]), sep="\n    ")
    runs = []
    for seed in given.seeds:
        for bottleneck in given.bottlenecks:
            runs.append(FOLDER / f"{bottleneck}-{seed}")
            own = [f"bottleneck={bottleneck}", f"seed={seed}", *BOTTLENECKS[bottleneck]]
            train(runs[-1], [*own, *HEALTHY])
            print(f"{runs[-1].name}:", *(said(runs[-1]) or ["healthy"]), sep="\n    ")
    for line in margins(runs):
        print(line)


def make_clipped_recordings(folder: Path) -> None:
    """The built-in corpus, recorded far too loud."""
    if folder.is_dir():
        return
    from wavenet_ae.data.toy.source import ToySource

    toy = ToySource(str(FOLDER / "toy"), num_speakers=4, minutes=3.0, seed=0)
    toy.prepare()
    for recording in toy.recordings():
        samples = read(recording.path, RATE).samples
        path = folder / recording.speaker / f"{recording.path.stem}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, np.clip(LOUDER * (samples / 32768), -1, 1), RATE)


def said(run: Path) -> list[str]:
    """The doctor's warnings of a run."""
    log = (run / "train.log").read_text()
    return re.findall(r"WARNING wavenet_ae\.training\.callbacks\.doctor: (.*)", log)


def margins(runs: list[Path]) -> Iterator[str]:
    """A Markdown row for each figure: of all runs, the value nearest to a call, and where."""
    for key, nearest in NEAREST.items():
        found = []
        for run in runs:
            metrics = read_metrics(run / "metrics.csv")
            found += [
                (nearest(values), run.name, column)
                for column, (_, values) in metrics.items()
                if column.startswith(key) and not column.endswith("second")
            ]
        value, run_name, _ = (min if nearest is np.min else max)(found)
        yield f"| {key} | {value:.3g} | {run_name} |"


if __name__ == "__main__":
    main()
