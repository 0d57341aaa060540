"""Receptive fields of a model, measured on the model itself and computed from its geometry.

A NaN spreads to everything that reads it, even where its weight is 0, and nowhere else: framing,
Fourier transform, logarithm, convolution, batch normalization in evaluation mode and ReLU all pass
it on. A NaN in one place therefore marks exactly what reads that place. Two things stop a NaN:

- Samples reach the decoder as levels. The NaN is therefore put into the embedding of one level, and
only the marked sample has this level.
- A NaN has no nearest code. The receptive field of a code is therefore measured at the latents, and
that of a prediction through codes is composed of the two measured parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor
from torch.func import functional_call

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.models import WaveformAutoencoder, WaveformModel


@dataclass(frozen=True)
class SampleRange:
    """Range of samples, relative to the reader.

    Attributes:
        first: First sample.
        last: Last sample, inclusive.
    """

    first: Fraction
    last: Fraction

    def __str__(self) -> str:
        return f"{float(self.first):+g} to {float(self.last):+g}"


@dataclass(frozen=True)
class ReceptiveField:
    """Receptive field of a kind.

    Attributes:
        name: Name of the receptive field.
        computed: Range that follows from the geometry.
        measured: Range that was measured on the model.
    """

    name: str
    computed: SampleRange
    measured: SampleRange

    @property
    def agrees(self) -> bool:
        """Whether both ranges are equal."""
        return self.computed == self.measured


def measure_receptive_fields(model: WaveformModel) -> list[ReceptiveField]:
    """Measure the receptive fields of a model in evaluation mode, in samples.

    A model without codes has only the first. Codes count from their anchor, predictions from the
    predicted sample:

        receptive field of the decoder               -R to -1
        receptive field of a code                    the last sample is its lookahead
        samples conditioned on a code
        receptive field of the decoder through codes the farthest of any phase

    Args:
        model: The model, in evaluation mode.
    """
    field = model.decoder.chain.receptive_field
    past = SampleRange(Fraction(-field), Fraction(-1))
    fields = [ReceptiveField("receptive field of the decoder", past, _measured_past(model))]
    if isinstance(model, WaveformAutoencoder):
        code = ReceptiveField(
            "receptive field of a code", _computed_code(model), _measured_code(model)
        )
        conditioned = ReceptiveField(
            "samples conditioned on a code", _computed_readers(model), _measured_readers(model)
        )
        computed = _through(code.computed, conditioned.computed)
        measured = _through(code.measured, conditioned.measured)
        through = ReceptiveField("receptive field of the decoder through codes", computed, measured)
        fields += [code, conditioned, through]
    return fields


def _through(code: SampleRange, readers: SampleRange) -> SampleRange:
    """Farthest samples that a prediction reads through its codes."""
    return SampleRange(code.first - readers.last, code.last - readers.first)


def _computed_code(model: WaveformAutoencoder) -> SampleRange:
    chain = model.alignment.encoder
    reads, anchor = chain.input_range(range(1)), chain.grid().anchor(0)
    return SampleRange(reads.start - anchor, reads.stop - 1 - anchor)


def _computed_readers(model: WaveformAutoencoder) -> SampleRange:
    alignment = model.alignment
    hop, reach = alignment.conditioning_hop, alignment.conditioning_reach
    vectors = alignment.upsampling.reader_range(range(1))
    position = alignment.first_target - reach  # the first position of vector 0
    anchor = alignment.code_grid.anchor(0)
    first, stop = position + vectors.start * hop + 1, position + vectors.stop * hop + reach
    return SampleRange(first - anchor, stop - 1 - anchor)


@torch.no_grad()
def _measured_past(model: WaveformModel) -> SampleRange:
    """Mark one past sample by NaN and find the predictions that it spoils."""
    field = model.decoder.chain.receptive_field
    plan = model.window(field + 2)
    levels, speaker = _inputs(model, plan)
    marked = field  # the first target, which its own prediction must not read
    levels[0, marked] = model.levels - 1
    embedding = model.decoder.embedding.clone()
    embedding[-1] = torch.nan
    channels = model.upsampling.dim if isinstance(model, WaveformAutoencoder) else 0
    conditioning = embedding.new_zeros(1, channels, plan.num_vectors)
    inputs = (levels, conditioning, speaker)
    logits = functional_call(model.decoder, {"embedding": embedding}, inputs)
    first, last = _ends(_spoilt(logits) + field)  # predicted samples
    return SampleRange(Fraction(marked - last), Fraction(marked - first))


@torch.no_grad()
def _measured_code(model: WaveformAutoencoder) -> SampleRange:
    """Bisect the first and last samples whose NaN spoils a code in the middle."""
    chain = model.alignment.encoder
    num_codes = 2 * ceil(chain.receptive_field / model.hop) + 1
    code, length = num_codes // 2, chain.input_length(num_codes)

    def is_spoilt(spoil: slice) -> bool:
        waveform = model.decoder.embedding.new_zeros(1, length)
        waveform[0, spoil] = torch.nan
        return code in _spoilt(model.encoder(waveform)).tolist()

    first = _bisect(length, lambda place: is_spoilt(slice(0, place + 1)))
    last = _bisect(length, lambda place: not is_spoilt(slice(place + 1, None)))
    anchor = chain.grid().anchor(code)
    return SampleRange(first - anchor, last - anchor)


@torch.no_grad()
def _measured_readers(model: WaveformAutoencoder) -> SampleRange:
    """Mark the vector of one code by NaN and find the predictions that it spoils."""
    plan = model.window(model.window(1).full_usage + 3 * int(model.hop))
    code = plan.usage.index(plan.full_usage)
    vectors = model.decoder.embedding.new_zeros(1, model.bottleneck.dim, plan.num_codes)
    vectors[..., code] = torch.nan
    conditioning = model.upsampling(vectors)[..., : plan.num_vectors]
    levels, speaker = _inputs(model, plan)
    logits = model.decoder(levels, conditioning, speaker)
    first, last = _ends(_spoilt(logits) + plan.targets.start - plan.encoder_input.start)
    anchor = model.alignment.code_grid.anchor(code)
    return SampleRange(first - anchor, last - anchor)


def _inputs(model: WaveformModel, plan: WindowPlan) -> tuple[Tensor, Tensor]:
    """Decoder input of the lowest level for a window, `(1, R + W - 1)`, and the speaker `(1,)`."""
    device, length = model.decoder.embedding.device, plan.decoder_input.stop
    levels = torch.zeros(1, length - plan.decoder_input.start, dtype=torch.int64, device=device)
    return levels, torch.tensor([model.unknown_speaker], device=device)


def _spoilt(outputs: Tensor) -> Tensor:
    """Places of `(1, C, N)` at which any channel is NaN."""
    return outputs.isnan().any(dim=1)[0].nonzero()[:, 0]


def _ends(spoilt: Tensor) -> tuple[int, int]:
    assert len(spoilt), "a layer lets no NaN through"
    return int(spoilt[0]), int(spoilt[-1])


def _bisect(length: int, holds: Callable[[int], bool]) -> int:
    """First place of 0 .. length - 1 from which on `holds` is true."""
    low, high = 0, length - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
