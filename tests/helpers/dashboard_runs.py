"""A run folder as training leaves it, written without training."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import yaml

from wavenet_ae.dashboards.panels import Panel, bind_panels
from wavenet_ae.runs import RunFolder

ROOT = Path(__file__).parents[2]
NUM_STEPS, LOG_EVERY, VALIDATE_EVERY = 4000, 10, 400
NUM_CODES = 64


def default_panels() -> list[Panel]:
    return bind_panels(yaml.safe_load((ROOT / "conf" / "panels" / "default.yaml").read_text()))


def run_folder(folder: Path, seed: int = 0, collapse: float = 0.0) -> Path:
    """Writes metrics and histograms of a run, whose codebook collapses if `collapse` is near 1."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    with RunFolder(folder).metrics.open("w", newline="") as file:
        rows = [_row(step, rng, collapse) for step in range(LOG_EVERY - 1, NUM_STEPS, LOG_EVERY)]
        writer = csv.DictWriter(file, ["step", *_columns(rows)])
        writer.writeheader()
        writer.writerows(rows)
    with RunFolder(folder).histograms.open("w") as file:
        for step in range(VALIDATE_EVERY - 1, NUM_STEPS, VALIDATE_EVERY):
            for row in _histograms(step, rng, collapse):
                file.write(json.dumps(row) + "\n")
    return folder


def _columns(rows: list[dict[str, float]]) -> list[str]:
    return sorted({name for row in rows for name in row} - {"step"})


def _row(step: int, rng: np.random.Generator, collapse: float) -> dict[str, float]:
    done = (step + 1) / NUM_STEPS
    row = {"step": step, **_training(done, collapse)}
    if (step + 1) % VALIDATE_EVERY == 0:
        row |= {**_validation(done, collapse), "audio_samples/seconds": 8.0}
    noise = rng.normal(1, 0.03, len(row))
    return {
        name: value if name == "step" else float(f"{value * each:.6g}")
        for (name, value), each in zip(row.items(), noise, strict=True)
    }


def _training(done: float, collapse: float) -> dict[str, float]:
    nll = 2.7 + 2.5 * np.exp(-6 * done) + 0.6 * collapse
    used = 1 - collapse * done
    rates = {"encoder": 4e-4, "decoder": 4e-4, "codebook": 1e-3}
    return {
        "train/nll": nll,
        "train/bits_per_sample": nll / np.log(2),
        "train/loss": nll + 0.2,
        "train/commitment_term": 0.15,
        "train/codebook_term": 0.05,
        "train/gradient_norm": 0.3 + np.exp(-9 * done),
        "bottleneck/commitment": 0.6,
        "bottleneck/codebook": 0.2,
        "decoder/true_level_probability": 0.12 - 0.08 * np.exp(-6 * done),
        "decoder/absolute_level_error": 9 + 20 * np.exp(-6 * done),
        "input/clipped_fraction": 0.001,
        "input/level_entropy": 4.6,
        "codebook/distinct_per_window": 14 * used,
        "codebook/batch_perplexity": 48 * used,
        "codebook/recent_perplexity": 55 * used,
        "codebook/used_fraction": used,
        "codebook/dead_codes": NUM_CODES * collapse * done,
        "codebook/mean_age": 8 + 900 * collapse * done,
        "codebook/max_age": 70 + 3000 * collapse * done,
        "codebook/revived_codes": 2 * np.exp(-9 * done),
        "codebook/latent_norm": 1 + 4 * collapse * done,
        "codebook/latent_min": -2.1,
        "codebook/latent_max": 2.2,
        "codebook/code_norm": 1.0,
        "codebook/code_min": -1.7,
        "codebook/code_max": 1.6,
        "codebook/norm_ratio": 1 + 4 * collapse * done,
        **{f"encoder/dead_units/layer_{i}": 0.03 * i + 0.1 * collapse for i in range(1, 8)},
        "encoder/gradient_norm_at_bottleneck": 0.02,
        "updates/encoder": 1.1e-3,
        "updates/bottleneck": 4e-3,
        "updates/upsampling": 6e-4,
        "updates/decoder": 9e-4,
        "speed/times_real_time": 61.0,
        "speed/threads": 2.0,
        **{f"learning_rate/{part}": rate * min(1, 20 * done) for part, rate in rates.items()},
    }


def _validation(done: float, collapse: float) -> dict[str, float]:
    nll = 2.75 + 2.4 * np.exp(-6 * done) + 0.6 * collapse
    increases = {"shuffled_codes": 1.1, "zeroed_codes": 0.8, "other_speaker": 0.25}
    metrics = {"validation/nll": nll, "validation/bits_per_sample": nll / np.log(2)}
    for name, increase in increases.items():
        increase *= done * (1 - collapse * done)
        metrics[f"validation/nll_{name}"] = nll + increase
        metrics[f"validation/nll_increase_{name}"] = increase
        metrics[f"validation/nll_increase_{name}_bits_per_second"] = increase * 8000 / np.log(2)
    used = 1 - collapse * done
    return metrics | {
        "validation/perplexity": 56 * used,
        "validation/codes_used": used,
        "bitrate/nominal": 300.0,
        "bitrate/unigram": 290 * used,
        "bitrate/run_length": 240 * used,
        "bitrate/speaker": 1.5,
    }


def _histograms(step: int, rng: np.random.Generator, collapse: float) -> list[dict]:
    done = (step + 1) / NUM_STEPS
    usage = rng.poisson(200 * rng.permutation(np.linspace(0.3, 1.7, NUM_CODES)))
    ages = rng.exponential(20, NUM_CODES).round()
    dead = int(collapse * done * NUM_CODES)
    usage[:dead], ages[:dead] = 0, step + 1
    latents, edges = np.histogram(rng.normal(0, 0.5 + done, 5000), bins=40)
    codes = {"low": -0.5, "high": NUM_CODES - 0.5}
    return [
        {"step": step, "name": "codebook/usage", **codes, "counts": usage.tolist()},
        {"step": step, "name": "codebook/age", **codes, "counts": ages.tolist()},
        {
            "step": step,
            "name": "bottleneck/latents",
            "low": edges[0],
            "high": edges[-1],
            "counts": latents.tolist(),
        },
    ]
