"""Precisions that need more than a value of `trainer.precision`."""

from __future__ import annotations

import logging
from typing import Any

from pytorch_lightning.plugins import DoublePrecision

from wavenet_ae.threads import has_bfloat16_instructions

logger = logging.getLogger(__name__)


class Float64(DoublePrecision):
    """`trainer.precision=64-true`: Lightning's own converts the floats of a batch and refuses
    frozen dataclasses; a batch of ours holds integers only."""

    def convert_input(self, data: Any) -> Any:
        return data


def warn_of_slow_precision(precision: str, device_type: str) -> None:
    """Logs a warning where `trainer.precision` is much slower than float32 on this machine."""
    if precision == "bf16-mixed" and device_type == "cpu" and not has_bfloat16_instructions():
        logger.warning(
            "trainer.precision=bf16-mixed: this CPU has no instructions for bfloat16 (AVX512-BF16 "
            "or AMX), so training can take five times as long as in float32, or more.  Use "
            "trainer.precision=32-true"
        )
