"""Alignment of encoder, decoder and targets, and the windows on which models are trained.

    waveform  |<------------------------ slice ------------------------->|
    encoder   |<------------------ encoder_input ------------------>|
    target    |<--------------------- target_input --------------------->|
    codes             c0    c1    c2    c3    c4    c5    c6
    decoder                |<------ decoder_input ------>|
    predicted                              |<-- targets ->|

Four chains are aligned: `encoder` and `upsampling` lead from the waveform to the conditioning,
`target` from the waveform to what is predicted, and `decoder` from past targets to predictions. If
each sample is a target, the chain `target` is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor

from wavenet_ae.geometry import Chain, Grid

EACH_SAMPLE = Chain()  # target chain of models that predict samples


@dataclass(frozen=True)
class WindowPlan:
    """Layout of a training window.

    Attributes:
        slice_length: Samples of the waveform slice.
        encoder_input: Samples of the slice that the encoder reads.
        target_input: Samples of the slice from which the window's targets are computed.
        decoder_input: Past targets that the decoder reads, as indices of the targets of
            `target_input`; empty for a decoder that reads none.
        conditioning: Positions, counted likewise, at which the decoder's first layer reads a
            conditioning vector. Vector 0 is repeated for the first `conditioning_hop` of them,
            vector 1 for the next, and so on.
        targets: Targets that are predicted, counted likewise.
        conditioning_hop: Targets for which one conditioning vector is repeated.
        target_hop: Samples from one target to the next.
        num_codes: Codes that the encoder makes of its input.
        usage: For each code, the number of predicted targets that read it.
        full_usage: Number of targets that would read a code inside an endless window.
    """

    slice_length: int
    encoder_input: slice
    target_input: slice
    decoder_input: slice
    conditioning: slice
    targets: slice
    conditioning_hop: int
    target_hop: int
    num_codes: int
    usage: tuple[int, ...]
    full_usage: int

    @property
    def num_targets(self) -> int:
        """Number of predicted targets."""
        return self.targets.stop - self.targets.start

    @property
    def target_unit(self) -> str:
        """What a target is called: a sample, or a frame where targets are some samples apart."""
        return "sample" if self.target_hop == 1 else "frame"

    @property
    def num_vectors(self) -> int:
        """Number of conditioning vectors that the decoder reads."""
        return -(-(self.conditioning.stop - self.conditioning.start) // self.conditioning_hop)

    @property
    def num_samples(self) -> int:
        """Samples that the predicted targets stand for, one hop each."""
        return self.num_targets * self.target_hop

    @property
    def margins(self) -> tuple[int, int]:
        """Samples of the slice before the first and after the last target."""
        start = self.target_input.start
        first, stop = (
            start + each * self.target_hop for each in (self.targets.start, self.targets.stop)
        )
        return first, self.slice_length - stop


@dataclass(frozen=True)
class Alignment:
    """Chains of an autoencoder, and what follows from them for a window of any length.

    Attributes:
        encoder: Chain from the waveform to codes.
        upsampling: Chain from codes to conditioning vectors.
        decoder: Chain from past targets to predictions.
        target: Chain from the waveform to targets; empty if each sample is a target.
        delay: Targets from the last position whose conditioning a prediction reads to the target
            itself: 1 where it is the position before, as in a decoder of samples; 0 where it is
            the target's own; less where conditioning of later positions is read.
        reads_past: Whether predictions read past targets at all, or conditioning alone.
        reading: Chain from the waveform to conditioning vectors, where they read less than
            `encoder` and `upsampling` say together, as those of the finer of two streams do.

    Raises:
        ValueError: If conditioning vectors are not a whole number of targets apart, targets are not
            a whole number of samples apart, or the decoder has no layer.
    """

    encoder: Chain
    upsampling: Chain
    decoder: Chain
    target: Chain = EACH_SAMPLE
    delay: int = 1
    reads_past: bool = True
    reading: Chain | None = None

    def __post_init__(self) -> None:
        _require_whole_hop(self.target)
        spacing = self.conditioning_grid.spacing / self.target_grid.spacing
        if spacing.denominator != 1:
            every = self.conditioning_grid.spacing
            raise ValueError(
                f"one code every {self.code_grid.spacing} samples and an upsampling by "
                f"{self.code_grid.spacing / every} give a conditioning vector every {every} "
                f"samples, which must be a whole number{_of_targets(self.target_hop)}: change the "
                "upsampling strides"
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

    @cached_property
    def target_grid(self) -> Grid:
        """Anchors of the targets of a waveform that starts at sample 0."""
        return self.target.grid()

    @property
    def code_hop(self) -> Fraction:
        """Samples from one code to the next."""
        return self.code_grid.spacing

    @property
    def target_hop(self) -> int:
        """Samples from one target to the next; 1 if each sample is a target."""
        return int(self.target_grid.spacing)

    @property
    def conditioning_hop(self) -> int:
        """Targets for which one conditioning vector is repeated; 1: one vector per target."""
        return int(self.conditioning_grid.spacing / self.target_grid.spacing)

    @property
    def receptive_field(self) -> int:
        """Receptive field R of the decoder: target `t` is predicted from targets `t-R .. t-1`.

        It is 0 where no past target is read.
        """
        return self.decoder.receptive_field if self.reads_past else 0

    @property
    def conditioning_reach(self) -> int:
        """Number of conditioning positions that one prediction reads, the last at `t - delay`."""
        first = self.decoder.layers[0]
        return self.decoder.receptive_field - (first.input_length(1) - 1)

    @property
    def first_position(self) -> int:
        """First position at which conditioning vector 0 is held; target 0 starts at sample 0."""
        instant = self.conditioning_grid.anchor(0)
        vector_0 = (instant - self.target_grid.origin) / self.target_grid.spacing
        return floor(vector_0 - Fraction(self.conditioning_hop, 2)) + 1

    @property
    def first_target(self) -> int:
        """First target that can be predicted; target 0 starts at sample 0, the encoder's first."""
        return self.first_position + self.conditioning_reach - 1 + self.delay

    @property
    def least_honest_delay(self) -> int:
        """Least delay at which no prediction reads, by its conditioning, beyond the frame before.

        A vector may have read samples later than its anchor. With a delay of at least this many
        targets, target `t` is predicted from samples that target `t - 1` and those before it read.
        """
        chain = self.reading or self.encoder + self.upsampling
        hop = self.conditioning_hop
        delays = []
        for vector in range(int(self.code_hop / self.conditioning_grid.spacing)):
            last_sample = chain.input_range(range(vector, vector + 1)).stop - 1
            position = self.first_position + vector * hop  # the first at which it is held
            # The first target that may follow: the one before has read that sample.
            before = ceil(Fraction(last_sample + 1 - self.target.input_length(1), self.target_hop))
            delays.append(before + 1 - position)
        return max(delays)

    def window(self, num_targets: int) -> WindowPlan:
        """Plans a window of `num_targets` predicted targets, walking back from them.

        Args:
            num_targets: Number of predicted targets, at least 1.

        Raises:
            ValueError: If `num_targets` is below 1.
        """
        if num_targets < 1:
            raise ValueError(f"num_targets is {num_targets}, but must be at least 1")
        target, hop, field = self.first_target, self.conditioning_hop, self.receptive_field
        positions = slice(self.first_position, target - self.delay + num_targets)
        num_vectors = ceil(Fraction(positions.stop - positions.start, hop))
        num_codes = self.upsampling.input_length(num_vectors)
        past = slice(target - field, target + num_targets - 1) if field else slice(target, target)
        first = min(0, past.start)  # target; the slice starts with its samples
        start = first * self.target_hop
        encoder_stop = self.encoder.input_length(num_codes)
        target_stop = self.target.input_range(range(first, target + num_targets)).stop

        return WindowPlan(
            slice_length=max(encoder_stop, target_stop) - start,
            encoder_input=slice(-start, encoder_stop - start),
            target_input=slice(0, target_stop - start),
            decoder_input=_shifted(past.start, past.stop, first),
            conditioning=_shifted(positions.start, positions.stop, first),
            targets=_shifted(target, target + num_targets, first),
            conditioning_hop=hop,
            target_hop=self.target_hop,
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


def decoder_window(
    decoder: Chain, num_targets: int, conditioning_hop: int, target: Chain = EACH_SAMPLE
) -> WindowPlan:
    """Plans a window for a decoder that is not conditioned on codes.

    Args:
        decoder: Chain from past targets to predictions.
        num_targets: Number of predicted targets, at least 1.
        conditioning_hop: Targets for which one conditioning vector is repeated.
        target: Chain from the waveform to targets.

    Raises:
        ValueError: If `num_targets` is below 1, targets are not a whole number of samples apart, or
            the decoder has no layer.
    """
    if num_targets < 1:
        raise ValueError(f"num_targets is {num_targets}, but must be at least 1")
    if not decoder.layers:
        raise ValueError("the decoder has no dilated layer")
    _require_whole_hop(target)
    field = decoder.receptive_field
    length = target.input_length(field + num_targets)
    return WindowPlan(
        slice_length=length,
        encoder_input=slice(0, 0),
        target_input=slice(0, length),
        decoder_input=slice(0, field + num_targets - 1),
        conditioning=slice(decoder.layers[0].input_length(1) - 1, field + num_targets - 1),
        targets=slice(field, field + num_targets),
        conditioning_hop=conditioning_hop,
        target_hop=int(target.grid().spacing),
        num_codes=0,
        usage=(),
        full_usage=0,
    )


def encoder_window(chain: Chain, num_codes: int) -> WindowPlan:
    """Plans a window for a model without a decoder.

    Each code stands for one hop of samples, in the middle of which it is anchored where the slice
    allows it.  Those samples are the window's targets, though nothing predicts them.

    Args:
        chain: Chain from the waveform to codes.
        num_codes: Number of codes, at least 1.

    Raises:
        ValueError: If `num_codes` is below 1, or codes are not a whole number of samples apart.
    """
    if num_codes < 1:
        raise ValueError(f"num_codes is {num_codes}, but must be at least 1")
    grid = chain.grid()
    if grid.spacing.denominator != 1:
        raise ValueError(
            f"there is a code every {grid.spacing} samples, which must be a whole number: change "
            "the encoder's strides or the features' hop"
        )
    hop = int(grid.spacing)
    first = max(0, ceil(grid.anchor(0) - Fraction(hop, 2)))
    stop, read = first + num_codes * hop, chain.input_length(num_codes)
    return WindowPlan(
        slice_length=max(read, stop),
        encoder_input=slice(0, read),
        target_input=slice(first, stop),
        decoder_input=slice(0, 0),
        conditioning=slice(0, 0),
        targets=slice(0, stop - first),
        conditioning_hop=1,
        target_hop=1,
        num_codes=num_codes,
        usage=(hop,) * num_codes,
        full_usage=hop,
    )


def targets_in(num_samples: int, hop: int) -> int:
    """Returns the number of targets that stand for a number of samples, one every `hop` of them.

    Raises:
        ValueError: It is not a whole number.
    """
    if num_samples % hop:
        raise ValueError(f"{num_samples} samples are no whole number of targets of {hop} samples")
    return num_samples // hop


def _shifted(first: int, stop: int, origin: int) -> slice:
    return slice(first - origin, stop - origin)


def _require_whole_hop(target: Chain) -> None:
    spacing = target.grid().spacing
    if spacing.denominator != 1:
        raise ValueError(
            f"there is a target every {spacing} samples, which must be a whole number: change the "
            "target's hop"
        )


def _of_targets(hop: int) -> str:
    return "" if hop == 1 else f" of targets, one every {hop} samples"
