"""What reads what, measured on the model itself beside what its geometry says.

A NaN goes wherever it is read, even where its weight is 0, and nowhere else: framing, Fourier
transform, logarithm, convolution, batch normalization in evaluation mode and rectifier all pass it
on.  So a NaN in one place marks exactly what reads that place.  Two things let no NaN through:

- samples may reach the decoder as levels, so the NaN replaces the embedding of one level, and
  only the marked sample has this level;
- the choice of a code (NaN has no nearest code), so what a code reads is measured where it is
  made, at the latents, and a prediction's look-ahead is made of the two measured parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor, nn

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.models import Autoencoder, GenerativeModel


@dataclass(frozen=True)
class Span:
    """The first and the last of what is read, in samples from the place of the reader."""

    first: Fraction
    last: Fraction

    def __str__(self) -> str:
        return f"{float(self.first):+g} to {float(self.last):+g}"


@dataclass(frozen=True)
class Certificate:
    """What the geometry says of a model, and what was measured."""

    name: str
    computed: Span
    measured: Span

    @property
    def agrees(self) -> bool:
        return self.computed == self.measured


def certify(model: GenerativeModel) -> list[Certificate]:
    """Receptive fields and look-ahead of a model in evaluation mode, in samples.

    A model without codes has the first alone; one whose decoder remembers all of the past has the
    second alone.  A code counts from its anchor, a prediction from
    the sample that is predicted:

    past samples that a prediction reads       -R to -1
    samples that a code reads                  its look-ahead is the last
    predictions that read a code
    samples that a prediction reads by codes   the farthest of any phase; look-ahead is the last
    """
    rows, has_fixed_context = [], model.decoder.has_fixed_context
    if has_fixed_context:
        past = Span(Fraction(-model.decoder.chain.receptive_field), Fraction(-1))
        rows.append(Certificate("past samples that a prediction reads", past, _past(model)))
    if isinstance(model, Autoencoder):
        reads = Certificate("samples that a code reads", _code_span(model), _samples_coded(model))
        if not has_fixed_context:
            return [*rows, reads]
        read = Certificate("predictions that read a code", _reader_span(model), _readers(model))
        computed = _through(reads.computed, read.computed)
        measured = _through(reads.measured, read.measured)
        through = Certificate("samples that a prediction reads by codes", computed, measured)
        rows += [reads, read, through]
    return rows


def _through(code_reads: Span, readers: Span) -> Span:
    """The farthest that a prediction reads by way of the codes that it reads."""
    return Span(code_reads.first - readers.last, code_reads.last - readers.first)


def _code_span(model: Autoencoder) -> Span:
    chain = model.alignment.encoder
    reads, anchor = chain.input_range(range(1)), chain.grid().anchor(0)
    return Span(reads.start - anchor, reads.stop - 1 - anchor)


def _reader_span(model: Autoencoder) -> Span:
    alignment = model.alignment
    hop, reach = alignment.conditioning_hop, alignment.conditioning_reach
    vectors = alignment.upsampling.reader_range(range(1))
    held = alignment.first_target - reach  # the first position that vector 0 is held for
    anchor = alignment.code_grid.anchor(0)
    first, stop = held + vectors.start * hop + 1, held + vectors.stop * hop + reach
    return Span(first - anchor, stop - 1 - anchor)


@torch.no_grad()
def _past(model: GenerativeModel) -> Span:
    """One past sample is NaN: the predictions that it spoils lie where they read it from."""
    decoder, field = model.decoder, model.decoder.chain.receptive_field
    plan = model.window(field + 2)
    past, speaker = _inputs(model, plan)
    marked = field  # the first target: its own prediction is not to read it
    levels = model.target.levels
    past[0, marked] = torch.nan if levels is None else levels - 1
    channels = model.upsampling.dim if isinstance(model, Autoencoder) else 0
    shape = (1, channels, plan.num_vectors)
    conditioning = torch.zeros(shape, dtype=model.dtype, device=model.device)
    with _nan_for_level(decoder.input, levels):
        parameters = decoder(past, conditioning, speaker)
    first, last = _ends(_spoilt(parameters) + field)  # the samples that are predicted
    return Span(Fraction(marked - last), Fraction(marked - first))


@contextmanager
def _nan_for_level(module: nn.Module, levels: int | None) -> Iterator[None]:
    """Lets a decoder's input give NaN for the highest level, where targets are levels."""

    def replace(_module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        if levels is None:
            return output
        return output.masked_fill((inputs[0] == levels - 1)[..., None], torch.nan)

    handle = module.register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()


@torch.no_grad()
def _samples_coded(model: Autoencoder) -> Span:
    """NaN up to a sample, or from a sample on, spoils a code in the middle or does not."""
    chain = model.alignment.encoder
    num_codes = 2 * ceil(chain.receptive_field / model.hop) + 1
    code, length = num_codes // 2, chain.input_length(num_codes)

    def is_spoilt(spoil: slice) -> bool:
        waveform = torch.zeros(1, length, dtype=model.dtype, device=model.device)
        waveform[0, spoil] = torch.nan
        return code in _spoilt(model.encoder(waveform)).tolist()

    first = _bisect(length, lambda place: is_spoilt(slice(0, place + 1)))
    last = _bisect(length, lambda place: not is_spoilt(slice(place + 1, None)))
    anchor = chain.grid().anchor(code)
    return Span(first - anchor, last - anchor)


@torch.no_grad()
def _readers(model: Autoencoder) -> Span:
    """The vector of one code is NaN: the predictions that it spoils are those that read it."""
    plan = model.window(model.window(1).full_usage + 3 * int(model.hop))
    code = plan.usage.index(plan.full_usage)
    shape = (1, model.bottleneck.dim, plan.num_codes)
    vectors = torch.zeros(shape, dtype=model.dtype, device=model.device)
    vectors[..., code] = torch.nan
    conditioning = model.upsampling(vectors)[..., : plan.num_vectors]
    levels, speaker = _inputs(model, plan)
    logits = model.decoder(levels, conditioning, speaker)
    first, last = _ends(_spoilt(logits) + plan.targets.start - plan.encoder_input.start)
    anchor = model.alignment.code_grid.anchor(code)
    return Span(first - anchor, last - anchor)


def _inputs(model: GenerativeModel, plan: WindowPlan) -> tuple[Tensor, Tensor]:
    """The decoder's input in a window of the lowest level, (1, R + W - 1), and the speaker (1,)."""
    length = plan.decoder_input.stop - plan.decoder_input.start
    kind = torch.float32 if model.target.levels is None else torch.int64
    past = torch.zeros(1, length, dtype=kind, device=model.device)
    return past, torch.tensor([model.unknown_speaker], device=model.device)


def _spoilt(outputs: Tensor) -> Tensor:
    """Places of (1, C, N) at which a channel is NaN."""
    return outputs.isnan().any(dim=1)[0].nonzero()[:, 0]


def _ends(spoilt: Tensor) -> tuple[int, int]:
    assert len(spoilt), "a layer lets no NaN through"
    return int(spoilt[0]), int(spoilt[-1])


def _bisect(length: int, holds: Callable[[int], bool]) -> int:
    """The first place of 0 .. length - 1 from which on `holds` is true."""
    low, high = 0, length - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
