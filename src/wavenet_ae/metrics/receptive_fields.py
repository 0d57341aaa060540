"""What reads what, measured on the model itself beside what its geometry says.

A NaN goes wherever it is read, even where its weight is 0, and nowhere else: framing, Fourier
transform, logarithm, convolution, batch normalization in evaluation mode and rectifier all pass it
on.  So a NaN in one place marks exactly what reads that place.  Two things let no NaN through:

- samples reach the decoder as levels, so the NaN is put into the embedding of one level, and only
  the marked sample has this level;
- the choice of a code (NaN has no nearest code), so what a code reads is measured where it is
  made, at the latents, and a prediction's look-ahead is made of the two measured parts.
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


def certify(model: WaveformModel) -> list[Certificate]:
    """Receptive fields and look-ahead of a model in evaluation mode, in samples.

    A model without codes has the first alone.  A code counts from its anchor, a prediction from
    the sample that is predicted:

    past samples that a prediction reads       -R to -1
    samples that a code reads                  its look-ahead is the last
    predictions that read a code
    samples that a prediction reads by codes   the farthest of any phase; look-ahead is the last
    """
    field = model.decoder.chain.receptive_field
    heard = Span(Fraction(-field), Fraction(-1))
    rows = [Certificate("past samples that a prediction reads", heard, _samples_heard(model))]
    if isinstance(model, WaveformAutoencoder):
        reads = Certificate("samples that a code reads", _code_span(model), _samples_coded(model))
        read = Certificate("predictions that read a code", _reader_span(model), _readers(model))
        computed = _through(reads.computed, read.computed)
        measured = _through(reads.measured, read.measured)
        through = Certificate("samples that a prediction reads by codes", computed, measured)
        rows += [reads, read, through]
    return rows


def _through(code_reads: Span, readers: Span) -> Span:
    """The farthest that a prediction reads by way of the codes that it reads."""
    return Span(code_reads.first - readers.last, code_reads.last - readers.first)


def _code_span(model: WaveformAutoencoder) -> Span:
    chain = model.alignment.encoder
    reads, anchor = chain.input_range(range(1)), chain.grid().anchor(0)
    return Span(reads.start - anchor, reads.stop - 1 - anchor)


def _reader_span(model: WaveformAutoencoder) -> Span:
    alignment = model.alignment
    hop, reach = alignment.conditioning_hop, alignment.conditioning_reach
    vectors = alignment.upsampling.reader_range(range(1))
    held = alignment.first_target - reach  # the first position that vector 0 is held for
    anchor = alignment.code_grid.anchor(0)
    first, stop = held + vectors.start * hop + 1, held + vectors.stop * hop + reach
    return Span(first - anchor, stop - 1 - anchor)


@torch.no_grad()
def _samples_heard(model: WaveformModel) -> Span:
    """One past sample is NaN: the predictions that it spoils lie where they read it from."""
    field = model.decoder.chain.receptive_field
    plan = model.window(field + 2)
    levels, speaker = _inputs(model, plan)
    marked = field  # the first target: its own prediction is not to read it
    levels[0, marked] = model.levels - 1
    embedding = model.decoder.embedding.clone()
    embedding[-1] = torch.nan
    channels = model.upsampling.dim if isinstance(model, WaveformAutoencoder) else 0
    conditioning = embedding.new_zeros(1, channels, plan.num_vectors)
    inputs = (levels, conditioning, speaker)
    logits = functional_call(model.decoder, {"embedding": embedding}, inputs)
    first, last = _ends(_spoilt(logits) + field)  # the samples that are predicted
    return Span(Fraction(marked - last), Fraction(marked - first))


@torch.no_grad()
def _samples_coded(model: WaveformAutoencoder) -> Span:
    """NaN up to a sample, or from a sample on, spoils a code in the middle or does not."""
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
    return Span(first - anchor, last - anchor)


@torch.no_grad()
def _readers(model: WaveformAutoencoder) -> Span:
    """The vector of one code is NaN: the predictions that it spoils are those that read it."""
    plan = model.window(model.window(1).full_usage + 3 * int(model.hop))
    code = plan.usage.index(plan.full_usage)
    vectors = model.decoder.embedding.new_zeros(1, model.bottleneck.dim, plan.num_codes)
    vectors[..., code] = torch.nan
    conditioning = model.upsampling(vectors)[..., : plan.num_vectors]
    levels, speaker = _inputs(model, plan)
    logits = model.decoder(levels, conditioning, speaker)
    first, last = _ends(_spoilt(logits) + plan.targets.start - plan.encoder_input.start)
    anchor = model.alignment.code_grid.anchor(code)
    return Span(first - anchor, last - anchor)


def _inputs(model: WaveformModel, plan: WindowPlan) -> tuple[Tensor, Tensor]:
    """The decoder's input in a window of the lowest level, (1, R + W - 1), and the speaker (1,)."""
    device, length = model.decoder.embedding.device, plan.decoder_input.stop
    levels = torch.zeros(1, length - plan.decoder_input.start, dtype=torch.int64, device=device)
    return levels, torch.tensor([model.unknown_speaker], device=device)


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
