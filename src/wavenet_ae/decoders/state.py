"""The state of a decoder between two samples."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class WaveNetState:
    """State of B streams; `WaveNet.step` changes it in place.

    Attributes:
        rings: For each layer ((k - 1) d, B, R), its inputs at as many positions before this one;
            the input of position `p` lies in row `p mod (k - 1) d`.
        position: Number (1,) int64 of samples that have been stepped over.
    """

    rings: tuple[Tensor, ...]
    position: Tensor
