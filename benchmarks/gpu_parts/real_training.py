"""Trains a recipe for the time that is left, then evaluates it on unseen readers.

Corpora with labels (a .phn file beside each recording) are held out of the training whole, and so
is every reader of them; what is evaluated there are units beside k-means on MFCC.
"""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu_parts.recipe import options
from gpu_parts.task import ROOT, Task, results
from wavenet_ae.evaluation.results import FILE, EvaluationResult
from wavenet_ae.runs import RunFolder

FOR_START = 30.0  # seconds: imports, packing, the first step, the last checkpoint
FOR_EVALUATION = 80.0
LEAST_TRAINING = 20.0
TINY_TRAINING = 8.0
TINY_READERS, TINY_FILES = 2, 4
TO_SAVE = 15.0  # seconds that a training has which is told to stop
WORTH = 0.9  # of the highest rate: the batch that pays is the smallest that comes so near
NUM_VALIDATIONS = 6
KEPT = ("state_dict", "wavenet_ae", "global_step", "epoch", "pytorch-lightning_version")
PARTS = ("metrics=[units]", "metrics=[likelihood,bitrate]")  # one after the other
RECORDED = {"likelihood", "ablations", "bitrate", "units", "boundaries"}
OMITTED = {"nmi", "cluster_purity", "num_unlabeled", "num_excluded"}
CHECKPOINT = "model.ckpt"


def run(task: Task) -> None:
    """Train, keep the weights, evaluate; each result is recorded before the next is begun."""
    speech = Speech.of(task)
    task.record("speech", **speech.counted())
    seconds = training_seconds(task)
    folder = task.work / "run"
    command = [*options(task.tiny), *speech.options, f"hydra.run.dir={folder}"]
    command += [*scheduled(task, seconds), f"trainer.max_time='{clock(seconds)}'"]
    command += [f"trainer.accelerator={'gpu' if task.device == 'cuda' else 'cpu'}"]
    command += ["callbacks.audio_samples.every_n_steps=0"]  # takes seconds of generation
    task.record("command", command=" ".join(["train.py", *command]))
    code = ran("train.py", command, task.seconds_left - (0 if task.tiny else FOR_EVALUATION / 2))
    found = RunFolder(folder)
    if found.metrics.is_file():
        shutil.copyfile(found.metrics, task.out / found.metrics.name)
        task.record("training", exit_code=code, **trained(found.metrics))
    best = found.best_checkpoint
    task.record("checkpoint", MiB=keep_weights(best, task.out / CHECKPOINT))
    evaluate(task, best, speech)


@dataclass(frozen=True)
class Speech:
    """What is trained on and what is evaluated on.

    Attributes:
        options: Options of train.py that say where the training data are.
        labeled: Folder of the corpus that is evaluated on; None: the run's own data.
        training: Readers and files that are trained on; empty: synthetic speech.
        held_out: Readers that are not.
    """

    options: list[str]
    labeled: Path | None
    training: list[tuple[str, Path]]
    held_out: set[str]

    @classmethod
    def of(cls, task: Task) -> Speech:
        """Divide the recordings below `task.data`, or use synthetic speech where there are none."""
        corpora = sorted(each for each in task.data.glob("*") if each.is_dir())
        labeled = [each for each in corpora if next(each.rglob("*.phn"), None)]
        if not labeled or len(labeled) == len(corpora):
            few = ["data.source.num_speakers=3", "data.source.minutes=1"] if task.tiny else []
            return cls(["data=toy", *few], None, [], set())
        held_out = {each.name for corpus in labeled for each in corpus.iterdir()}
        training = [
            (reader.name, file)
            for corpus in corpora
            for reader in sorted(corpus.iterdir())
            if corpus not in labeled and reader.name not in held_out
            for file in sorted(reader.rglob("*.flac"))
        ]
        table = task.work / "training.tsv"
        lines = ["speaker\tpath", *(f"{reader}\t{file.resolve()}" for reader, file in training)]
        table.write_text("\n".join(lines) + "\n")
        evaluated = some_of(labeled[0], task.work) if task.tiny else labeled[0]
        return cls(["data=table", f"data.path={table}"], evaluated, training, held_out)

    def counted(self) -> dict[str, Any]:
        readers = {reader for reader, _ in self.training}
        return {
            "training": f"{len(self.training)} recordings" if self.training else "synthetic",
            "readers": len(readers),
            "held-out readers": len(self.held_out),
            "in both": len(readers & self.held_out),
        }


def some_of(corpus: Path, work: Path) -> Path:
    """A folder with links to the first recordings of the first readers of a corpus."""
    folder = work / corpus.name
    for reader in sorted(corpus.iterdir())[:TINY_READERS]:
        (folder / reader.name).mkdir(parents=True)
        for file in sorted(reader.iterdir())[:TINY_FILES]:
            (folder / reader.name / file.name).symlink_to(file.resolve())
    return folder


def training_seconds(task: Task) -> float:
    """How long to train so that validation, the last checkpoint and the evaluation fit as well."""
    if task.tiny:
        return TINY_TRAINING
    return max(LEAST_TRAINING, task.seconds_left - FOR_START - FOR_EVALUATION)


def clock(seconds: float) -> str:
    """As `trainer.max_time` takes it: days, hours, minutes, seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"00:{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"


def scheduled(task: Task, seconds: float) -> Iterator[str]:
    """The batch that pays, and a schedule that fits the steps that the time allows, where steps
    have been measured; else the recipe's own."""
    measured = [
        row
        for row in results(task.out, "training_step")
        if row["what"] == "step" and (row["decoder"], row["precision"]) == ("medium", "bf16")
    ]
    if not measured or task.tiny:
        return
    row = batch_that_pays(measured)
    steps = round(0.75 * seconds / (row["ms a step"] / 1e3))  # beside the encoder, and watching
    yield f"data.batch_size={row['batch']}"
    yield f"validate_every_n_steps={max(20, steps // NUM_VALIDATIONS)}"
    yield f"bottleneck.start_after={min(400, steps // 6)}"
    yield f"optimizer.decay_after={max(1, 2 * steps // 3)}"
    yield f"optimizer.half_life_steps={max(1, steps // 8)}"


def batch_that_pays(measured: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The smallest batch whose rate is nearly the highest: more steps teach more."""
    highest = max(row["samples/s"] for row in measured)
    near = [row for row in measured if row["samples/s"] >= WORTH * highest]
    return min(near, key=lambda row: row["batch"])


def ran(script: str, arguments: Sequence[str], limit: float) -> int:
    """The exit code of a command of the project, which is told to stop after `limit` seconds."""
    process = subprocess.Popen([sys.executable, str(ROOT / script), *arguments], cwd=ROOT)
    try:
        return process.wait(max(1.0, limit - TO_SAVE))
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGTERM)  # a training saves, then ends
    try:
        return process.wait(TO_SAVE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def trained(metrics: Path) -> dict[str, Any]:
    """Steps, first and last training NLL, best validation, real-time factor."""
    with metrics.open() as file:
        rows = list(csv.DictReader(file))

    def column(name: str) -> list[float]:
        return [float(row[name]) for row in rows if row.get(name)]

    nlls, validated = column("train/nll"), column("validation/nll")
    gains, speeds = (
        column("validation/nll_increase_shuffled_codes"),
        column("speed/times_real_time"),
    )
    return {
        "steps": 1 + int(float(rows[-1]["step"])) if rows else 0,
        "first nll": nlls[0] if nlls else None,
        "last nll": nlls[-1] if nlls else None,
        "validations": len(validated),
        "best validation nll": min(validated, default=None),
        "NLL increase with shuffled codes": gains[-1] if gains else None,
        "perplexity": (column("validation/perplexity") or [None])[-1],
        "x real time": sorted(speeds)[len(speeds) // 2] if speeds else None,
    }


def keep_weights(checkpoint: Path, target: Path) -> float:
    """Copy a checkpoint without the optimizer's state, as `wavenet_ae.load` reads it; its MiB."""
    from wavenet_ae.checkpoint import read_checkpoint, write_checkpoint

    content = read_checkpoint(checkpoint)
    write_checkpoint({key: content[key] for key in KEPT if key in content}, target)
    return target.stat().st_size / 2**20


def evaluate(task: Task, checkpoint: Path, speech: Speech) -> None:
    """Record the units and the likelihood on the labeled readers; SystemExit where it fails."""
    folder, recorded = task.work / "evaluated", set()
    command = [f"checkpoint={checkpoint}", f"out={folder}", f"device={task.device}"]
    if speech.labeled is not None:
        command += ["data=folder", f"data.root={speech.labeled}"]
    for parts in PARTS:
        code = ran("evaluate.py", [*command, parts], task.seconds_left)
        file = folder / FILE
        found = EvaluationResult.load(file).tables if file.is_file() else ()
        for table in found:
            if table.id in RECORDED - recorded:
                recorded.add(table.id)
                for row in table.rows:
                    shown = {name: row[name] for name in row if name not in OMITTED}
                    task.record(table.id, **shown)
        if found:
            shutil.copyfile(file, task.out / FILE)
        if code:
            raise SystemExit(f"Error: evaluate.py {parts} ended with exit code {code}")
