"""Training in float64."""

from __future__ import annotations

from typing import Any

from pytorch_lightning.plugins import DoublePrecision


class Float64(DoublePrecision):
    """`trainer.precision=64-true`: Lightning's own converts the floats of a batch and refuses
    frozen dataclasses; a batch of ours holds integers only."""

    def convert_input(self, data: Any) -> Any:
        return data
