"""Evaluations of small models with random weights, on half a minute of synthetic speech."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helpers.small_models import checkpoint
from wavenet_ae.checkpoint import read_checkpoint, write_checkpoint
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.evaluator import evaluate
from wavenet_ae.evaluation.results import EvaluationResult, ResultTable


def data(cache: Path, **source: Any) -> dict[str, Any]:
    """The node of the synthetic speech, as a command line composes it."""
    return {
        "_target_": "wavenet_ae.data.module.SpeechData",
        "source": {
            "_target_": "wavenet_ae.data.toy.source.ToySource",
            "root": str(cache / "toy"),
            "num_speakers": 2,
            "minutes": 0.6,
            **source,
        },
        "cache_dir": str(cache / "packed"),
    }


def evaluated(
    folder: Path,
    cache: Path,
    part: str,
    kind: str = "vqvae",
    quantizes: bool = True,
    decoder: dict[str, Any] | None = None,
    **settings: Any,
) -> EvaluationResult:
    """Result of one part of the evaluation of a model with this bottleneck."""
    file = checkpoint(folder, kind, decoder=decoder)
    if not quantizes:
        content = read_checkpoint(file)
        content["state_dict"]["model.bottleneck.is_quantizing"].fill_(False)
        write_checkpoint(content, file)
    given = {"data": data(cache), "out": str(folder / "out"), "metrics": [part]} | settings
    return evaluate(
        EvaluationConfig(checkpoint=str(file), device="cpu", engine="reference", **given)
    )


def table(result: EvaluationResult, id: str) -> ResultTable:
    found = result.table(id)
    assert found is not None, id
    return found
