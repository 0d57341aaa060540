"""What each remedy against codebook collapse changes: all of them, each left out, none.

python studies/remedies.py                 # some ninety minutes on one core
python studies/remedies.py --seeds 1       # one seed

Writes outputs/remedies/figures.csv and prints a table.  Interrupted, it goes on where it stopped.
"""

from __future__ import annotations

import argparse

from runs import ROOT, finished_run, schedule, table, write_rows

# The default run at half its length and half its batch.
SETTING = ["bottleneck=vqvae", "data.batch_size=4", *schedule(1000)]
LEFT_OUT = {
    "k-means start (uniform instead)": ["bottleneck.init=uniform"],
    "revival": ["bottleneck.revive_after=0"],
    "normalization": ["bottleneck.normalize=false", "encoder.batch_norm=false"],
    "unquantized start": ["bottleneck.start_after=0"],
    "shortcut": ["encoder.shortcut=false"],
    "learning rates of their own": [
        "optimizer.decoder_learning_rate=0.001",
        "optimizer.codebook_learning_rate=0.001",
    ],
    "small commitment (0.25 instead)": ["objective.bottleneck.commitment_weight=0.25"],
}
NONE = [override for overrides in LEFT_OUT.values() for override in overrides]
CONDITIONS = {
    "all remedies": [],
    "none": NONE,
    **{f"without {name}": overrides for name, overrides in LEFT_OUT.items()},
    "all, and jitter 0.12": ["model.jitter_probability=0.12"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    seeds = parser.parse_args().seeds
    folder, rows = ROOT / "outputs" / "remedies", []
    for seed in seeds:
        for number, (name, overrides) in enumerate(CONDITIONS.items()):
            run = folder / f"{number:02d}-seed-{seed}"
            figures = finished_run(run, [*SETTING, *overrides, f"seed={seed}"])
            rows.append({"condition": name, "seed": seed, **figures})
            write_rows(folder / "figures.csv", rows)
    print(table(rows, by="condition"))


if __name__ == "__main__":
    main()
