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
            *("encoder=raw", "encoder.dim=128"),
            *("encoder.strides=[5,2,2,2,2,2]", "encoder.kernels=[10,4,4,4,4,4]"),
        ],
        "without normalisation": ["bottleneck.normalise=false", "encoder.batch_norm=false"],
        "2000 steps": schedule(2000),
        "4000 steps": schedule(4000),
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
COMMON = ["callbacks.listening.every_num_steps=0"]
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
    parser.add_argument("--only", nargs="+", metavar="CONDITION", help="such as 'default'")
    given = parser.parse_args()
    conditions = CONDITIONS[given.speech]
    for name in given.only or ():
        if name not in conditions:
            parser.error(f"there is no condition {name!r}; there are {', '.join(conditions)}")
    folder, rows = ROOT / "outputs" / "codes" / given.speech, []
    common = [*OVERRIDES[given.speech], *schedule(NUM_STEPS[given.speech]), *COMMON]
    common += given.overrides
    for seed in given.seeds:
        for name in given.only or conditions:
            run = folder / f"{name.replace(' ', '_').replace('/', '_per_')}-seed-{seed}"
            train(run, [*common, *conditions[name], f"seed={seed}"])
            rows.append({"condition": name, "seed": seed, **judged(run)})
            write_rows(folder / "figures.csv", rows)
    print(table(rows, by="condition", digits=DIGITS))


def judged(run: Path) -> dict[str, float]:
    """Figures of evaluate.py for the last state of a run; it is evaluated once."""
    findings = _findings(run)
    if not findings.keys() >= set(PARTS):
        checkpoint = max((run / "checkpoints").glob("step-*.ckpt"))
        asked = [f"checkpoint={checkpoint}", f"out={run / JUDGED}", f"parts=[{','.join(PARTS)}]"]
        command = [sys.executable, "evaluate.py", *asked, "probe_seeds=1"]
        subprocess.run(command, check=True, env=single_threaded(), cwd=ROOT)
        findings = _findings(run)
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


def _findings(run: Path) -> dict[str, Any]:
    """Rows of each part that has been judged to its end."""
    file = run / JUDGED / "evaluation.json"
    if not file.is_file():
        return {}
    return {each["part"]: each["rows"] for each in json.loads(file.read_text())["findings"]}


def _probe(rows: Sequence[Mapping[str, Any]], task: str, representation: str) -> float:
    row = _row(rows, task=task, representation=representation, probe="linear")
    return float(row["accuracy"])


def _row(rows: Sequence[Mapping[str, Any]], **cells: str) -> Mapping[str, Any]:
    (found,) = [each for each in rows if cells.items() <= each.items()]
    return found


if __name__ == "__main__":
    main()
