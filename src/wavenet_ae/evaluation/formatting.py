"""The cells of findings as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import floor, isfinite, log10

from wavenet_ae.evaluation.results import Value

ERROR, LOW, HIGH = "_error", "_low", "_high"
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


def own_columns(columns: Iterable[str]) -> list[str]:
    """Those that are not the error or a limit of another."""
    return [name for name in columns if not name.endswith((ERROR, LOW, HIGH))]


def heading(column: str) -> str:
    return HEADINGS.get(column, column.replace("_", " "))


def cell(row: Mapping[str, Value], column: str) -> str:
    """Errors and intervals stand behind their values: 2.81 ± 0.03, 0.32 (0.30 to 0.34)."""
    value, error = row[column], row.get(column + ERROR)
    if isinstance(value, float) and isinstance(error, float) and _counts(error, value):
        digits = max(0, 1 - floor(log10(error)))  # the error has two digits, and so the value
        return f"{value:.{digits}f} ± {error:.{digits}f}"
    low, high = row.get(column + LOW), row.get(column + HIGH)
    if isinstance(value, float) and isinstance(low, float) and isinstance(high, float):
        return f"{value:.3f} ({low:.3f} to {high:.3f})" if isfinite(low) else f"{value:.3f}"
    if isinstance(value, float) and isfinite(value):
        return f"{value:.4g}" if abs(value) < 9999.5 else f"{value:,.0f}"
    if isinstance(value, float):
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value or "")


def _counts(error: float, value: float) -> bool:
    """Whether an error is one, and not what rounding leaves of none."""
    return isfinite(error) and error > 1e-9 * abs(value)
