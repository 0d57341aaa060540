"""Figures by which a change is known to leave all results as they were.

python tests/helpers/golden.py          # records them again, in tests/golden/figures.json

Only a change that is meant to change results records them again, and its message says why.
"""

from __future__ import annotations

import copy
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import torch
from hydra.core.global_hydra import GlobalHydra

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.configs import BOTTLENECKS, TINY, TINY_QUANTIZERS, small
from helpers.evaluated import evaluated
from wavenet_ae.checkpoint import newest_checkpoint
from wavenet_ae.config import check, plain
from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.engines import Sampling
from wavenet_ae.models import build
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.run import train

FILE = Path(__file__).parents[1] / "golden" / "figures.json"
CONF = Path(__file__).parents[2] / "conf"
STEPS = 20
ENCODERS = ("mfcc", "mel", "waveform")
Pair = tuple[str, str]
PAIRS: list[Pair] = [(each, encoder) for each in BOTTLENECKS for encoder in ENCODERS]
# Each bottleneck with one encoder, and each encoder with several bottlenecks.
COVERING = [(each, ENCODERS[place % len(ENCODERS)]) for place, each in enumerate(BOTTLENECKS)]
MODELS = ("wavenet", "mfcc_inverter")
ENGINES = ("reference", "native", "native_bf16", "native_int8")
PARTS = ("receptive_fields", "likelihood", "bitrate", "units")
QUIET = ["callbacks.doctor=null"]


def settings(*overrides: str, folder: Path) -> dict[str, Any]:
    """A tiny run's configuration, without what only watches it."""
    has_no_width = any(each.startswith("model=") for each in overrides)
    tiny = [each for each in TINY if not (has_no_width and each.startswith("encoder."))]
    kept = [each for each in tiny if not each.startswith(("callbacks.checkpoints", "validate_"))]
    last = [f"trainer.max_steps={STEPS}", "validate_every_n_steps=10"]
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        place = ["run_folder=unused", "name=golden"]
        values = plain(hydra.compose("config", [*place, *kept, *last, *overrides]))
    values["run_folder"] = str(folder)
    check(values)
    return values


def losses(folder: Path) -> dict[str, list[float]]:
    """Returns the losses of all steps and of all validations."""
    metrics = read_metrics(RunFolder(folder).metrics)
    return {name: metrics[name][1].tolist() for name in ("train/loss", "validation/nll")}


def autoencoder_figures(folder: Path, pairs: Iterable[Pair]) -> Iterator[tuple[str, Any]]:
    """Losses of a tiny run of each pair of a bottleneck and an encoder."""
    for bottleneck, encoder in pairs:
        codes = TINY_QUANTIZERS.get(bottleneck, [])
        groups = [f"bottleneck={bottleneck}", f"encoder={encoder}"]
        run = folder / f"{bottleneck}-{encoder}"
        train(settings(*groups, *codes, *QUIET, folder=run))
        yield loss_of(bottleneck, encoder), losses(run)


def loss_of(bottleneck: str, encoder: str) -> str:
    """Name of the figure that is a pair's losses."""
    return f"loss {bottleneck} {encoder}"


def model_figures(folder: Path) -> Iterator[tuple[str, Any]]:
    """Losses of models without a bottleneck of their own choice."""
    for model in MODELS:
        train(settings(f"model={model}", *QUIET, folder=folder / model))
        yield f"loss {model}", losses(folder / model)


def resumed_run(folder: Path) -> Iterator[tuple[str, Any]]:
    overrides = ["bottleneck=vqvae_ema", *TINY_QUANTIZERS["vqvae_ema"], "callbacks.doctor=null"]
    first = settings(*overrides, folder=folder / "resumed")
    train(first | {"trainer": first["trainer"] | {"max_steps": 8}})
    train(copy.deepcopy(first))
    yield "loss resumed", losses(folder / "resumed")
    state = newest_checkpoint(RunFolder(folder / "resumed"))[1]["state_dict"]
    norms = sorted(float(each.double().norm()) for each in state.values())
    yield "weights resumed", norms


def recording(num_samples: int = 4000) -> np.ndarray:
    """A tone that rises and falls, in noise: int16 at 8 kHz."""
    time = np.arange(num_samples) / 8000
    tone = np.sin(2 * np.pi * (300 * time + 80 * np.sin(2 * np.pi * 3 * time)))
    noise = np.random.default_rng(0).standard_normal(num_samples)
    return (6000 * tone + 800 * noise).astype(np.int16)


def generation_figures() -> Iterator[tuple[str, Any]]:
    torch.manual_seed(0)
    model = build(small("vqvae"), ["ann", "bob"]).eval()
    model.bottleneck.is_quantizing.fill_(True)
    codes = model.encode(recording(), 8000)
    yield "codes", codes.tolist()
    for engine in ENGINES:
        samples = model.decode(codes[:10], "ann", Sampling(), seed=3, engine=engine)
        yield f"samples {engine}", samples[:200].tolist()


def evaluation_figures(folder: Path, cache: Path) -> Iterator[tuple[str, Any]]:
    for part in PARTS:
        for table in evaluated(folder / part, cache, part).tables:
            yield f"evaluation {table.id}", [_numbers(row) for row in table.rows]


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """Cells of a row that hold numbers; NaN where there is none."""
    cells = {name: value for name, value in row.items() if not isinstance(value, str)}
    return {name: float("nan") if value is None else value for name, value in cells.items()}


def figures(folder: Path, cache: Path, pairs: Iterable[Pair] = PAIRS) -> dict[str, Any]:
    """Figures by name, with the losses of these pairs of a bottleneck and an encoder.

    They are the same on the same machine, and near on another.
    """
    os.environ["WAVENET_AE_CACHE"] = str(cache)
    torch.set_num_threads(1)
    return {
        **dict(autoencoder_figures(folder, pairs)),
        **dict(model_figures(folder)),
        **dict(resumed_run(folder)),
        **dict(generation_figures()),
        **dict(evaluation_figures(folder, cache)),
    }


def machine() -> str:
    """What results to the last bit depend on."""
    return f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        found = figures(Path(place, "runs"), Path(place, "cache"))
    FILE.write_text(json.dumps({"machine": machine(), **found}, indent=None) + "\n")
