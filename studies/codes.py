"""What moves the codes: what they say of phones and of speakers, one setting changed at a time.

python studies/codes.py toy                                  # an hour and a half on one core
python studies/codes.py speech data.root=<LibriSpeech> data.source.speaker_depth=2
python studies/codes.py toy --seed 3 --only mel --only waveform

What is no option of its own goes to train.py.  Writes outputs/codes/<toy or speech>/figures.csv, of
all runs that are there, and prints a table of their means.  Interrupted, it goes on where it
stopped; two with other conditions or seeds may run side by side.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runs import ROOT, schedule, single_threaded, table, train, write_rows

from wavenet_ae.evaluation.results import FILE, EvaluationResult
from wavenet_ae.runs import RunFolder

NUM_STEPS = {"toy": 1000, "speech": 2000}  # the default is 2000
OVERRIDES = {"toy": [], "speech": ["data=folder"]}
CONDITIONS: dict[str, dict[str, list[str]]] = {
    "toy": {
        "default": [],
        "25 codes/s": [
            "encoder.strides=[1,1,2,2,1,1,1]",
            "model.upsampling.strides=[8]",
            "model.upsampling.kernels=[16]",
        ],
        "100 codes/s": [
            "encoder.strides=[1,1,1,1,1,1,1]",
            "encoder.kernels=[3,3,3,3,3,1,1]",
            "model.upsampling.strides=[2]",
            "model.upsampling.kernels=[4]",
        ],
        "8 dimensions": ["bottleneck.dim=8"],
        "128 dimensions": ["bottleneck.dim=128"],
        "mel": ["encoder=mel"],
        "waveform": [  # 50 codes/s as well
            *("encoder=waveform", "encoder.dim=128"),
            *("encoder.strides=[5,2,2,2,2,2]", "encoder.kernels=[10,4,4,4,4,4]"),
        ],
        "without normalization": ["bottleneck.normalize=false", "encoder.batch_norm=false"],
        "2000 steps": schedule(2000),
    },
    "speech": {
        "default": [],
        "jitter 0.12": ["model.jitter_probability=0.12"],
        "jitter 0.3": ["model.jitter_probability=0.3"],
        "16 codes": ["bottleneck.codebook_size=16"],
        "256 codes": ["bottleneck.codebook_size=256"],
    },
}
EVALUATED, PARTS = "evaluated", ("likelihood", "units", "probing")
COMMON = ["callbacks.audio_samples.every_n_steps=0"]
DIGITS = {
    "nll": 2,
    "gain": 2,
    "perplexity": 1,
    "pnmi": 3,
    "held_out": 3,
    "pnmi_kmeans": 3,
    "held_out_kmeans": 3,
    "phone_before": 2,
    "phone_after": 2,
    "speaker_before": 2,
    "speaker_after": 2,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("speech", choices=CONDITIONS)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--seed", type=int, action="append", help="instead of 1 and 2")
    parser.add_argument("--only", action="append", metavar="CONDITION", help="such as 'default'")
    given = parser.parse_intermixed_args()
    conditions = CONDITIONS[given.speech]
    for name in given.only or ():
        if name not in conditions:
            parser.error(f"there is no condition {name!r}; there are {', '.join(conditions)}")
    common = [*OVERRIDES[given.speech], *schedule(NUM_STEPS[given.speech]), *COMMON]
    folder = ROOT / "outputs" / "codes" / given.speech
    for seed in given.seed or (1, 2):
        for name in given.only or conditions:
            run = folder / f"{_spelled(name)}-seed-{seed}"
            train(run, [*common, *given.overrides, *conditions[name], f"seed={seed}"])
            evaluate(run)
            write_rows(folder / "figures.csv", _rows(folder, conditions))
    print(table(_rows(folder, conditions), by="condition", digits=DIGITS))


def _spelled(name: str) -> str:
    return name.replace(" ", "_").replace("/", "_per_")


def evaluate(run: Path) -> None:
    """Evaluate the last state of a run, unless that is done."""
    if _result(run) is None:
        checkpoint = RunFolder(run).step_checkpoints()[-1]
        asked = [
            f"checkpoint={checkpoint}",
            f"out={run / EVALUATED}",
            f"metrics=[{','.join(PARTS)}]",
        ]
        command = [sys.executable, "evaluate.py", *asked, "probe_seeds=1"]
        subprocess.run(command, check=True, env=single_threaded(), cwd=ROOT)


def _rows(folder: Path, conditions: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of all runs that have been evaluated."""
    return [
        {"condition": name, "seed": int(run.name.rpartition("-")[2]), **_metrics(result)}
        for name in conditions
        for run in sorted(folder.glob(f"{_spelled(name)}-seed-*"))
        if (result := _result(run)) is not None
    ]


def _metrics(result: EvaluationResult) -> dict[str, float | None]:
    own = {
        "nll": result.value("likelihood.nll"),
        "gain": result.value("ablations.nll_increase", control="shuffled_codes"),
        "perplexity": result.value("units.perplexity"),
    }
    units = {
        f"{name}{suffix}": result.value(f"units.{column}", system=system)
        for suffix, system in (("", "codes"), ("_kmeans", "kmeans_mfcc"))
        for name, column in (("pnmi", "pnmi"), ("held_out", "purity_held_out"))
    }
    probing = {
        f"{name}_{place}": result.value(
            "probing.accuracy", task=task, representation=representation, probe="linear"
        )
        for name, task in (("phone", "phone"), ("speaker", "speaker_of_frame"))
        for place, representation in (("before", "latents"), ("after", "vectors"))
    }
    return {**own, **units, **probing}


def _result(run: Path) -> EvaluationResult | None:
    """Result of a run; None unless all parts have been evaluated."""
    if not (run / EVALUATED / FILE).is_file():
        return None
    found = EvaluationResult.load(run / EVALUATED)
    return found if {each.part for each in found.tables} >= set(PARTS) else None


if __name__ == "__main__":
    main()
