"""Streams of codes: sequences that a model makes of one waveform, each at a rate of its own.

    top       |     t0      |     t1      |     t2      |        one code a hop of the model
    bottom    |  b0  |  b1  |  b2  |  b3  |  b4  |  b5  |        two codes a hop

A hop of the model is that of its coarsest stream, and the hops of the others divide it. So code `n`
of the coarsest stream and codes `n * f .. (n + 1) * f - 1` of a stream that is `f` times as fine
belong to one hop, wherever it lies in an utterance.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.geometry import Chain, Grid
from wavenet_ae.types import BottleneckOutput


@dataclass(frozen=True)
class CodeStream:
    """A sequence of codes, or of vectors, that a model makes of a waveform.

    Attributes:
        name: Name of the stream, unique in its model and fit for a folder, such as `top`;
            `ONLY_STREAM` where the model has no other.  It is not like `codebook_1`, by which
            metrics name codebooks.
        bottleneck: Bottleneck that makes the codes.
        chain: Geometry from waveform samples to the codes. The chains of all streams of a model
            begin at the same sample, and with the same hop.
        codes_per_hop: Codes in a hop of the model.
    """

    name: str
    bottleneck: Bottleneck
    chain: Chain
    codes_per_hop: int = 1

    @property
    def grid(self) -> Grid:
        """Where the codes of a waveform that starts at sample 0 are anchored."""
        return self.chain.grid()

    @property
    def hop(self) -> Fraction:
        """Samples from one code to the next."""
        return self.grid.spacing


@dataclass(frozen=True)
class Encoded:
    """Codes of a stream for a piece of a waveform, and what they were made of.

    Attributes:
        latents: (B, C, N), what the bottleneck read.
        output: What it returned for them.
    """

    latents: Tensor
    output: BottleneckOutput

    @property
    def codes(self) -> Tensor:
        """Codes (B, N) or (B, H, N); vectors (B, D, N) where there are no codes."""
        return self.output.vectors if self.output.codes is None else self.output.codes
