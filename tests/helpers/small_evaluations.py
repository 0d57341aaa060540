"""Evaluations for pages: real ones of small models with random weights, and made-up findings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from helpers.small_models import RATE, checkpoint
from wavenet_ae.audio.io import write
from wavenet_ae.evaluation.config import Settings
from wavenet_ae.evaluation.evaluator import FILE, evaluate
from wavenet_ae.evaluation.parts.contingency import UnitCounts, code_by_phone
from wavenet_ae.evaluation.report.reading import Judged
from wavenet_ae.evaluation.results import ResultTable
from wavenet_ae.runs import RunFolder

HOSTILE = '<b>&"$x_1$'
METRICS = """step,train/nll,validation/nll,validation/nll_shuffled_codes,validation/perplexity
0,5.5,,,
9,4.0,4.1,4.3,3.5
19,3.5,3.7,4.2,4.5
"""


ALL = ("likelihood", "bitrate", "sounds", "units")


def evaluated(folder: Path, kind: str, cache: Path, parts: Sequence[str] = ALL) -> Path:
    """The file of an evaluation of a model with this bottleneck, which has a run folder; on some
    seconds of synthetic speech that all share."""
    file = checkpoint(folder, kind)
    RunFolder(file.parents[1]).metrics.write_text(METRICS)
    source = {
        "_target_": "wavenet_ae.data.toy.source.ToySource",
        "root": str(cache / "toy"),
        "num_speakers": 2,
        "minutes": 0.35,
    }
    target = "wavenet_ae.data.module.SpeechData"
    settings = Settings(
        checkpoint=str(file),
        data={"_target_": target, "source": source, "cache_dir": str(cache / "packed")},
        out=str(folder / "judged"),
        parts=list(parts),
        sounds=1,
        seconds=0.05,
        engine="reference",
        device="cpu",
    )
    evaluate(settings)
    return folder / "judged" / FILE


def made_up(*findings: ResultTable, name: str = "a", folder: Path | None = None) -> Judged:
    return Judged(
        name=name,
        folder=folder or Path("nowhere"),
        model={"checkpoint": "nowhere/best.ckpt", "bottleneck": "VQVAE"},
        corpus={"fingerprint": "f00", "split": "validation"},
        command={},
        findings=findings,
    )


def counted(by_label: list[list[int]], frames: list[int], labels: list[str]) -> ResultTable:
    counts = UnitCounts(np.array(by_label), np.array(frames))
    return code_by_phone({"codes": counts, "k-means on MFCC": counts}, labels)


def rows(part: str, *values: dict) -> ResultTable:
    return ResultTable(part, part, "", list(values))


def hostile(folder: Path, name: str) -> Judged:
    """All that figures are drawn from, but a run folder; its labels and names are HOSTILE."""
    write(folder / "example.wav", np.full(RATE, 100, np.int16), RATE)
    span = {"codebook": None, "label": HOSTILE, "start_seconds": 0.0, "end_seconds": 1.0}
    spans = [{"kind": "phones", **span}, {"kind": "units", **span, "codebook": 0, "label": "7"}]
    settings = {"file": "example.wav", "utterance": HOSTILE}
    return made_up(
        rows("likelihood", {"figure": "NLL, all samples", "nats_per_sample": 2.5}),
        rows("bitrate", {"rate": "unigram", "bits_per_second": 300.0}),
        counted([[3, 1], [1, 4]], [4, 5], [HOSTILE, "a"]),
        ResultTable("example", "", "", spans, settings, is_detail=True),
        name=name,
        folder=folder,
    )
