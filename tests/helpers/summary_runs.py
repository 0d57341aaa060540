"""Run folders as training leaves them, written without training."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import yaml

from wavenet_ae.comparison.differences import option_names, varied_settings
from wavenet_ae.comparison.groups import Row
from wavenet_ae.comparison.results import read_results
from wavenet_ae.runs import RunFolder

CONF = Path(__file__).parents[2] / "conf"
NUM_STEPS = 40
BOTTLENECKS: dict[str, dict[str, Any]] = {
    "identity": {"_target_": "wavenet_ae.bottlenecks.Identity"},
    "ae": {"_target_": "wavenet_ae.bottlenecks.AE", "dim": 32, "normalize": True},
    "vae": {"_target_": "wavenet_ae.bottlenecks.VAE", "dim": 32},
    "vqvae": {
        "_target_": "wavenet_ae.bottlenecks.VQVAE",
        "dim": 32,
        "codebook_size": 64,
        "start_after": 10,
    },
    "fsq": {"_target_": "wavenet_ae.bottlenecks.FSQ", "levels": [8, 8], "start_after": 0},
}


def config(option: str = "vqvae", /, **changes: Any) -> dict[str, Any]:
    """A configuration; `optimizer={"learning_rate": 0.1}` is merged into its group."""
    values: dict[str, Any] = {
        "seed": 1,
        "name": "toy",
        "run_folder": "somewhere",
        "bottleneck": dict(BOTTLENECKS[option]),
        "optimizer": {"learning_rate": 0.001},
        "data": {"batch_size": 8, "window_seconds": 0.5, "cache_dir": "somewhere"},
        "trainer": {"max_steps": NUM_STEPS, "accumulate_grad_batches": 2, "devices": 1},
    }
    for key, value in changes.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    return values


def write_run(
    folder: Path,
    values: dict[str, Any],
    nlls: tuple[float, ...] = (4.0, 3.0, 3.5),
    rates: dict[str, float] | None = None,
    last_saved: int = NUM_STEPS,
) -> Path:
    """Writes a run with a validation every 10 steps, each with these bitrates.

    It trains at 4 times real time up to step 20, and at 8 times after it.
    """
    run = RunFolder(folder)
    run.checkpoints.mkdir(parents=True)
    run.step_checkpoint(last_saved).touch()
    RunFolder(folder).config.write_text(yaml.safe_dump(values, sort_keys=False))
    rows = {
        step: {"step": step - 1, "speed/times_real_time": 4 + 4 * (step > 20)} for step in (20, 40)
    }
    for number, nll in enumerate(nlls, 1):
        row = rows.setdefault(10 * number, {"step": 10 * number - 1})
        row |= {"validation/nll": nll, "validation/nll_increase_shuffled_codes": nll / 10}
        row |= {f"bitrate/{name}": rate for name, rate in (rates or {}).items()}
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    with RunFolder(folder).metrics.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows[step] for step in sorted(rows))
    return folder


def comparison(folder: Path) -> Path:
    """A grid of four bottlenecks and two seeds; a run of fsq has failed."""
    rates = {
        "identity": {},
        "vae": {"kl": 900.0},
        "vqvae": {"nominal": 300.0, "unigram": 280.0},
        "fsq": {"nominal": 300.0, "unigram": 290.0},
    }
    for level, (option, own) in enumerate(rates.items()):
        for seed in (1, 2):
            nlls = (4.0, 2.5 + 0.1 * level + 0.01 * seed)
            write_run(folder / f"{option}-seed-{seed}", config(option, seed=seed), nlls, own)
    RunFolder(folder / "fsq-seed-2").failed.write_text("the loss is nan\n")
    return folder


def rows_of(sweep: Path) -> list[Row]:
    results = read_results(sweep)
    settings = varied_settings([each.config for each in results], option_names(CONF))
    return [Row(own, result) for own, result in zip(settings, results, strict=True)]
