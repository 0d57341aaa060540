"""What a decoder remembers between two samples."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class WaveNetState:
    """Of B streams; `WaveNet.step` changes it in place.

    rings     for each layer ((k - 1) d, B, R), its inputs at as many positions before this one;
              that of position `p` lies in row `p mod (k - 1) d`
    position  (1,) int64, how many samples have been stepped over
    """

    rings: tuple[Tensor, ...]
    position: Tensor
