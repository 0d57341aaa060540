"""Figures of a run, drawn without a display."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib.figure import Figure


def read_metrics(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of each column of a metrics.csv, the steps that logged it and its values."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = rows[0].keys() - {"step"} if rows else set()
    found = {}
    for name in sorted(columns):
        logged = [(int(row["step"]) + 1, float(row[name])) for row in rows if row[name]]
        found[name] = (
            np.array([step for step, _ in logged]),
            np.array([value for _, value in logged]),
        )
    return found


def draw_learning_curve(metrics_csv: Path, png: Path) -> None:
    """NLL in training and validation with true and other codes; below, usage of the codebook."""
    metrics = read_metrics(metrics_csv)
    figure = Figure(figsize=(8, 7), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(2, 1))
    curves: dict[str, tuple[str, dict[str, Any]]] = {
        "train/nll": ("training", dict(color="0.75", linewidth=1)),
        "validation/nll": ("validation, true codes", dict(color="C0", marker="o")),
        "validation/nll_other_codes": (
            "validation, another item's codes",
            dict(color="C3", marker="o"),
        ),
    }
    for key, (label, style) in curves.items():
        if key in metrics:
            above.plot(*metrics[key], label=label, **style)
    floor = min(values.min() for key, (_, values) in metrics.items() if key in curves)
    above.set(ylabel="NLL in nats per sample", ylim=(floor - 0.2, 5.6))
    if "validation/nll_other_codes" in metrics:
        above.set_title("The gap between the validation curves is what the codes tell the decoder")
    above.legend()
    key = "validation/perplexity"
    if key in metrics:
        below.plot(*metrics[key], color="C2", marker="o", label="validation")
        below.set(ylim=(0, 1.15 * metrics[key][1].max()))
    below.set(xlabel="optimizer step", ylabel="perplexity of the codes")
    for axes in (above, below):
        axes.grid(alpha=0.3)
    figure.savefig(png, dpi=120)


def draw_usage(counts: np.ndarray, kind: str, png: Path) -> None:
    """How often each unit (K,) occurs, most frequent first, beside a uniform use."""
    share = np.sort(counts)[::-1] / counts.sum()
    entropy = -(share[share > 0] * np.log(share[share > 0])).sum()
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.bar(np.arange(len(share)), 100 * share, width=0.9, label=kind)
    axes.axhline(100 / len(share), color="C3", linestyle="--", label="uniform")
    axes.set(xlabel="unit, most frequent first", ylabel="share of frames in %")
    axes.set_title(
        f"{(counts > 0).sum()} of {len(counts)} units used, perplexity {np.exp(entropy):.1f}"
    )
    axes.legend()
    figure.savefig(png, dpi=120)
