"""Evaluations for pages: real ones of small models with random weights, and made-up tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from helpers.small_models import RATE, checkpoint
from wavenet_ae.audio.io import write
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.contingency import UnitCounts, contingency, unit_usage
from wavenet_ae.evaluation.evaluator import evaluate
from wavenet_ae.evaluation.results import FILE, EvaluationResult, ResultTable
from wavenet_ae.runs import RunFolder

HOSTILE = '<b>&"$x_1$'
METRICS = """step,train/nll,validation/nll,validation/nll_shuffled_codes,validation/perplexity
0,5.5,,,
9,4.0,4.1,4.3,3.5
19,3.5,3.7,4.2,4.5
"""


ALL = ("likelihood", "bitrate", "reconstruction", "units")


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
    config = EvaluationConfig(
        checkpoint=str(file),
        data={"_target_": target, "source": source, "cache_dir": str(cache / "packed")},
        out=str(folder / "out"),
        metrics=list(parts),
        num_utterances=1,
        max_seconds=0.05,
        engine="reference",
        device="cpu",
    )
    evaluate(config)
    return folder / "out" / FILE


def small_result(
    *tables: ResultTable, name: str = "a", folder: Path | None = None
) -> EvaluationResult:
    return EvaluationResult(
        folder=folder or Path("nowhere"),
        model={"name": name, "checkpoint": "nowhere/best.ckpt", "bottleneck": "VQVAE"},
        corpus={"fingerprint": "f00", "split": "validation"},
        command={},
        tables=tables,
    )


def counted(by_label: list[list[int]], frames: list[int], labels: list[str]) -> list[ResultTable]:
    counts = UnitCounts(np.array(by_label), np.array(frames))
    of_systems = {"codes": counts, "kmeans_mfcc": counts}
    return [unit_usage(of_systems), contingency(of_systems, labels)]


def rows(id: str, *values: dict) -> ResultTable:
    """Table whose keys are its columns of texts."""
    keys = [name for name, each in values[0].items() if isinstance(each, str)] if values else []
    return ResultTable(id, keys, list(values))


def hostile(folder: Path, name: str) -> EvaluationResult:
    """All that plots are made from, but a run folder; its labels and names are HOSTILE."""
    write(folder / "example.wav", np.full(RATE, 100, np.int16), RATE)
    span = {"codebook": None, "label": HOSTILE, "start_seconds": 0.0, "end_seconds": 1.0}
    spans = [{"kind": "labels", **span}, {"kind": "units", **span, "codebook": 0, "label": "7"}]
    metadata = {"file": "example.wav", "utterance": HOSTILE}
    return small_result(
        rows("likelihood", {"samples": "all", "nll": 2.5}),
        rows("bitrate", {"estimate": "unigram", "bits_per_second": 300.0}),
        *counted([[3, 1], [1, 4]], [4, 5], [HOSTILE, "a"]),
        ResultTable("alignment_example", [], spans, metadata),
        name=name,
        folder=folder,
    )
