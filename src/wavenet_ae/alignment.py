"""Alignment of encoder, decoder and targets, and the windows on which models are trained.

waveform  |<------------------------ slice ------------------------->|
encoder   |<------------------ encoder_input ------------------>|
codes             c0    c1    c2    c3    c4    c5    c6
decoder                |<------ decoder_input ------>|
predicted                              |<-- targets ->|
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor

from wavenet_ae.geometry import Chain, Grid


@dataclass(frozen=True)
class WindowPlan:
    """Layout of a training window; every slice indexes the samples of the waveform slice.

    Attributes:
        slice_length: Samples of the waveform slice.
        encoder_input: Samples that the encoder reads.
        decoder_input: Past samples that the decoder reads.
        conditioning: Positions at which the decoder's first layer reads a conditioning vector.
            Vector 0 is repeated for the first `conditioning_hop` of them, vector 1 for the next,
            and so on.
        targets: Samples that are predicted.
        conditioning_hop: Samples for which one conditioning vector is repeated.
        num_codes: Codes that the encoder makes of its input.
        usage: For each code, the number of targets that read it.
        full_usage: Number of targets that would read a code inside an endless window.
    """

    slice_length: int
    encoder_input: slice
    decoder_input: slice
    conditioning: slice
    targets: slice
    conditioning_hop: int
    num_codes: int
    usage: tuple[int, ...]
    full_usage: int

    @property
    def num_targets(self) -> int:
        """Number of predicted samples."""
        return self.targets.stop - self.targets.start

    @property
    def num_vectors(self) -> int:
        """Number of conditioning vectors that the decoder reads."""
        return -(-(self.conditioning.stop - self.conditioning.start) // self.conditioning_hop)

    @property
    def margins(self) -> tuple[int, int]:
        """Samples of the slice before the first and after the last target."""
        return self.targets.start, self.slice_length - self.targets.stop


@dataclass(frozen=True)
class Alignment:
    """Chains of a waveform autoencoder, and what follows from them for a window of any length.

    Attributes:
        encoder: Chain from the waveform to codes.
        upsampling: Chain from codes to conditioning vectors.
        decoder: Chain of the decoder's dilated layers.

    Raises:
        ValueError: If conditioning vectors are not a whole number of samples apart, or the decoder
            has no layer.
    """

    encoder: Chain
    upsampling: Chain
    decoder: Chain

    def __post_init__(self) -> None:
        spacing = self.conditioning_grid.spacing
        if spacing.denominator != 1:
            raise ValueError(
                f"one code every {self.code_grid.spacing} samples and an upsampling by "
                f"{self.code_grid.spacing / spacing} give a conditioning vector every {spacing} "
                "samples, which must be a whole number: change the upsampling strides"
            )
        if not self.decoder.layers:
            raise ValueError("the decoder has no dilated layer")

    @cached_property
    def code_grid(self) -> Grid:
        """Anchors of the codes of an encoder input that starts at sample 0."""
        return self.encoder.grid()

    @cached_property
    def conditioning_grid(self) -> Grid:
        """Anchors of the conditioning vectors of an encoder input that starts at sample 0."""
        return self.upsampling.grid(self.code_grid)

    @property
    def code_hop(self) -> Fraction:
        """Samples from one code to the next."""
        return self.code_grid.spacing

    @property
    def conditioning_hop(self) -> int:
        """Samples for which one conditioning vector is repeated; 1: conditioning at sample rate."""
        return int(self.conditioning_grid.spacing)

    @property
    def receptive_field(self) -> int:
        """Receptive field R of the decoder: sample `t` is predicted from samples `t-R .. t-1`."""
        return self.decoder.receptive_field

    @property
    def conditioning_reach(self) -> int:
        """Number of conditioning positions that one prediction reads: `t - reach .. t-1`."""
        first = self.decoder.layers[0]
        return self.receptive_field - (first.input_length(1) - 1)

    @property
    def first_target(self) -> int:
        """First sample that can be predicted, counted from the first encoder input."""
        vector_0 = self.conditioning_grid.anchor(0)
        first_position = floor(vector_0 - Fraction(self.conditioning_hop, 2)) + 1
        return first_position + self.conditioning_reach

    def window(self, num_targets: int) -> WindowPlan:
        """Plan a window of `num_targets` predicted samples, walking back from the targets.

        Args:
            num_targets: Number of predicted samples, at least 1.

        Raises:
            ValueError: If `num_targets` is below 1.
        """
        if num_targets < 1:
            raise ValueError(f"num_targets is {num_targets}, but must be at least 1")
        target, hop, reach = self.first_target, self.conditioning_hop, self.conditioning_reach
        positions = slice(target - reach, target + num_targets - 1)
        num_vectors = ceil(Fraction(positions.stop - positions.start, hop))
        num_codes = self.upsampling.input_length(num_vectors)
        start = min(0, target - self.receptive_field)
        encoder_stop = self.encoder.input_length(num_codes)

        def shifted(first: int, stop: int) -> slice:
            return slice(first - start, stop - start)

        return WindowPlan(
            slice_length=max(encoder_stop, target + num_targets) - start,
            encoder_input=shifted(0, encoder_stop),
            decoder_input=shifted(target - self.receptive_field, target + num_targets - 1),
            conditioning=shifted(positions.start, positions.stop),
            targets=shifted(target, target + num_targets),
            conditioning_hop=hop,
            num_codes=num_codes,
            usage=tuple(self._usage(code, num_targets) for code in range(num_codes)),
            full_usage=len(self._readers(0)),
        )

    def _readers(self, code: int) -> range:
        """Targets of an endless window that read `code`; the window's first target is 0."""
        vectors = self.upsampling.reader_range(range(code, code + 1))
        hop, reach = self.conditioning_hop, self.conditioning_reach
        return range(vectors.start * hop - reach + 1, vectors.stop * hop)

    def _usage(self, code: int, num_targets: int) -> int:
        readers = self._readers(code)
        return max(0, min(readers.stop, num_targets) - max(readers.start, 0))


def decoder_window(decoder: Chain, num_targets: int, conditioning_hop: int) -> WindowPlan:
    """Plan a window for a decoder that is not conditioned on codes.

    Args:
        decoder: Chain of the decoder's dilated layers.
        num_targets: Number of predicted samples, at least 1.
        conditioning_hop: Samples for which one conditioning vector is repeated.

    Raises:
        ValueError: If `num_targets` is below 1, or the decoder has no layer.
    """
    if num_targets < 1:
        raise ValueError(f"num_targets is {num_targets}, but must be at least 1")
    if not decoder.layers:
        raise ValueError("the decoder has no dilated layer")
    field = decoder.receptive_field
    return WindowPlan(
        slice_length=field + num_targets,
        encoder_input=slice(0, 0),
        decoder_input=slice(0, field + num_targets - 1),
        conditioning=slice(decoder.layers[0].input_length(1) - 1, field + num_targets - 1),
        targets=slice(field, field + num_targets),
        conditioning_hop=conditioning_hop,
        num_codes=0,
        usage=(),
        full_usage=0,
    )
