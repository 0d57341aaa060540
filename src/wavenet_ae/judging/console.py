"""Findings as tables on a console."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, isfinite, log10

from rich.box import SIMPLE
from rich.table import Table

from wavenet_ae.judging.findings import Findings, Value

ERROR, LOW, HIGH = "_error", "_low", "_high"
# In the JSON only: a console has no room for them.
HIDDEN = {
    *("nmi", "cluster_purity", "num_frames", "num_unlabelled", "num_excluded", "num_rows"),
    *("num_labels", "left_out", "seeds_range", "single_codes"),
}
HEADINGS = {
    "nats_per_sample": "nats/sample",
    "bits_per_sample": "bits/sample",
    "bits_per_second": "bit/s",
    "num_samples": "samples",
    "lsd_db": "LSD",
    "mcd_db": "MCD",
    "same_codes": "same codes",
    "f0_hz": "F0",
    "original_f0_hz": "original's",
    "voice_f0_hz": "voice's",
    "pesq": "PESQ",
    "stoi": "STOI",
    "pnmi": "PNMI",
    "pnmi_shuffled": "shuffled",
    "nmi": "NMI",
    "num_used": "used",
    "num_units": "of",
    "r_value": "R",
    "f1": "F1",
    "mean_ms": "mean ms",
    "median_ms": "median ms",
}


def table(findings: Findings) -> Table:
    """Errors and intervals stand behind their values: 2.81 ± 0.03, 0.32 (0.30 to 0.34)."""
    shown = [
        name
        for name in findings.columns
        if not name.endswith((ERROR, LOW, HIGH)) and name not in HIDDEN
    ]
    found = Table(title=findings.title, title_justify="left", box=SIMPLE, padding=(0, 0, 0, 1))
    for name in shown:
        is_text = isinstance(findings.rows[0][name], str)
        heading = HEADINGS.get(name, name.replace("_", " "))
        found.add_column(heading, justify="left" if is_text else "right", overflow="fold")
    for row in findings.rows:
        found.add_row(*(_cell(row, name) for name in shown))
    return found


def _cell(row: Mapping[str, Value], name: str) -> str:
    value, error = row[name], row.get(name + ERROR)
    if isinstance(value, float) and isinstance(error, float) and _counts(error, value):
        digits = max(0, 1 - floor(log10(error)))  # the error has two digits, and so the value
        return f"{value:.{digits}f} ± {error:.{digits}f}"
    low, high = row.get(name + LOW), row.get(name + HIGH)
    if isinstance(value, float) and isinstance(low, float) and isinstance(high, float):
        return f"{value:.3f} ({low:.3f} to {high:.3f})" if isfinite(low) else f"{value:.3f}"
    if isinstance(value, float):
        return f"{value:.4g}" if isfinite(value) else ""
    return f"{value:,}" if isinstance(value, int) else str(value or "")


def _counts(error: float, value: float) -> bool:
    """Whether an error is one, and not what rounding leaves of none."""
    return isfinite(error) and error > 1e-9 * abs(value)
