"""What moves the codes: what they say of phones and of speakers, one setting changed at a time.

python studies/codes.py toy                                  # hours on one core
python studies/codes.py speech data.root=<LibriSpeech> data.source.speaker_depth=2

Everything after the first word goes to train.py.  `--seeds 1` is one seed.  Writes
outputs/codes/<toy or speech>/figures.csv and prints a table.  Interrupted, it goes on where it
stopped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runs import ROOT, single_threaded, table, train, write_rows

# The default run at half its length, its schedule with it.
HALF = [
    "trainer.max_steps=1000",
    "validate_every_num_steps=200",
    "bottleneck.start_after=450",
    "optimizer.decay_after=700",
    "optimizer.half_life_steps=125",
]
WHOLE = {
    "trainer.max_steps": 2000,
    "validate_every_num_steps": 400,
    "bottleneck.start_after": 900,
    "optimizer.decay_after": 1400,
    "optimizer.half_life_steps": 250,
}
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
        "dim 8": ["bottleneck.dim=8"],
        "dim 128": ["bottleneck.dim=128"],
        "mel instead of mfcc": ["encoder=mel"],
        "twice the steps": [f"{key}={value}" for key, value in WHOLE.items()],
        "without normalisation": ["bottleneck.normalise=false", "encoder.batch_norm=false"],
    },
    "speech": {
        "default": [],
        "jitter 0.12": ["model.jitter_probability=0.12"],
        "jitter 0.3": ["model.jitter_probability=0.3"],
        "32 codes": ["bottleneck.codebook_size=32"],
        "256 codes": ["bottleneck.codebook_size=256"],
        "without normalisation": ["bottleneck.normalise=false", "encoder.batch_norm=false"],
    },
}
OVERRIDES = {"toy": HALF, "speech": ["data=folder"]}
DIGITS = {
    "nll": 2,
    "gain": 2,
    "perplexity": 1,
    "pnmi": 3,
    "pnmi_kmeans": 3,
    "held_out": 3,
    "phone_before": 2,
    "phone_after": 2,
    "speaker_before": 2,
    "speaker_after": 2,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("speech", choices=CONDITIONS)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    folder, rows = ROOT / "outputs" / "codes" / given.speech, []
    for seed in given.seeds:
        for name, own in CONDITIONS[given.speech].items():
            run = folder / f"{name.replace(' ', '_').replace('/', '_per_')}-seed-{seed}"
            train(run, [*OVERRIDES[given.speech], *given.overrides, *own, f"seed={seed}"])
            rows.append({"condition": name, "seed": seed, **judged(run)})
            write_rows(folder / "figures.csv", rows)
    print(table(rows, by="condition", digits=DIGITS))


def judged(run: Path) -> dict[str, float]:
    """Figures of evaluate.py for the last state of a run; it is evaluated once."""
    file = run / "judged" / "evaluation.json"
    if not file.is_file():
        checkpoint = max((run / "checkpoints").glob("step-*.ckpt"))
        asked = [f"checkpoint={checkpoint}", f"out={file.parent}"]
        command = [sys.executable, "evaluate.py", *asked, "parts=[likelihood,units,probes]"]
        subprocess.run(command, check=True, env=single_threaded(), cwd=ROOT)
    findings = {each["part"]: each["rows"] for each in json.loads(file.read_text())["findings"]}
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
    return {"nll": nll, "gain": gain, **found, "pnmi_kmeans": kmeans["pnmi"], **probes}


def _probe(rows: Sequence[Mapping[str, Any]], task: str, representation: str) -> float:
    row = _row(rows, task=task, representation=representation, probe="linear")
    return float(row["accuracy"])


def _row(rows: Sequence[Mapping[str, Any]], **cells: str) -> Mapping[str, Any]:
    (found,) = [each for each in rows if cells.items() <= each.items()]
    return found


if __name__ == "__main__":
    main()
