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
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runs import ROOT, schedule, single_threaded, table, train, write_rows

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
JUDGED, PARTS = "judged", ("likelihood", "units", "probes")
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
            judge(run)
            write_rows(folder / "figures.csv", _rows(folder, conditions))
    print(table(_rows(folder, conditions), by="condition", digits=DIGITS))


def _spelled(name: str) -> str:
    return name.replace(" ", "_").replace("/", "_per_")


def judge(run: Path) -> None:
    """Evaluate the last state of a run, unless that is done."""
    if not _findings(run):
        checkpoint = max((run / "checkpoints").glob("step-*.ckpt"))
        asked = [f"checkpoint={checkpoint}", f"out={run / JUDGED}", f"parts=[{','.join(PARTS)}]"]
        command = [sys.executable, "evaluate.py", *asked, "probe_seeds=1"]
        subprocess.run(command, check=True, env=single_threaded(), cwd=ROOT)


def _rows(folder: Path, conditions: Iterable[str]) -> list[dict[str, Any]]:
    """Of all runs that have been judged."""
    return [
        {"condition": name, "seed": int(run.name.rpartition("-")[2]), **_figures(findings)}
        for name in conditions
        for run in sorted(folder.glob(f"{_spelled(name)}-seed-*"))
        if (findings := _findings(run))
    ]


def _figures(findings: Mapping[str, Any]) -> dict[str, float]:
    nll, gain = (
        _row(findings["likelihood"], figure=words)["nats_per_sample"]
        for words in ("NLL, all samples", "more with another item's codes")
    )
    codes, kmeans = (_row(findings["units"], units=name) for name in ("codes", "k-means on MFCC"))
    probes = {
        f"{name}_{place}": _probe(findings["probes"], task, representation)
        for name, task in (("phone", "phone of a frame"), ("speaker", "speaker of a frame"))
        for place, representation in (("before", "latents"), ("after", "vectors"))
    }
    found = {name: codes[name] for name in ("perplexity", "pnmi", "held_out")}
    rival = {f"{name}_kmeans": kmeans[name] for name in ("pnmi", "held_out")}
    return {"nll": nll, "gain": gain, **found, **rival, **probes}


def _findings(run: Path) -> dict[str, Any]:
    """Rows of each part; none unless all parts have been judged."""
    file = run / JUDGED / "evaluation.json"
    if not file.is_file():
        return {}
    found = {each["part"]: each["rows"] for each in json.loads(file.read_text())["findings"]}
    return found if found.keys() >= set(PARTS) else {}


def _probe(rows: Sequence[Mapping[str, Any]], task: str, representation: str) -> float:
    row = _row(rows, task=task, representation=representation, probe="linear")
    return float(row["accuracy"])


def _row(rows: Sequence[Mapping[str, Any]], **cells: str) -> Mapping[str, Any]:
    (found,) = [each for each in rows if cells.items() <= each.items()]
    return found


if __name__ == "__main__":
    main()
