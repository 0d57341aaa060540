"""Receptive fields of a model, measured on the model itself and computed from its geometry.

A NaN spreads to everything that reads it, even where its weight is 0, and nowhere else: framing,
Fourier transform, logarithm, convolution, batch normalization in evaluation mode and ReLU all pass
it on. A NaN in one place therefore marks exactly what reads that place. Two things stop a NaN:

- Samples may reach the decoder as levels. The NaN therefore replaces the embedding of one level,
  and only the marked sample has this level.
- A NaN has no nearest code. The receptive field of a code is therefore measured at what its
  bottleneck reads, where all bottlenecks return NaN for NaN, and that of a prediction through codes
  is composed of the two measured parts.
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
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.geometry import Chain
from wavenet_ae.models import Autoencoder, CodeModel, CodeStream, GenerativeModel, SpeechModel
from wavenet_ae.stream_names import of_stream
from wavenet_ae.types import BottleneckOutput, Step

OF_DECODER, OF_CODE = "receptive field of the decoder", "receptive field of a code"
CONDITIONED = "samples conditioned on a code"
THROUGH_CODES = "receptive field of the decoder through codes"


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


def measure_receptive_fields(model: SpeechModel) -> list[ReceptiveField]:
    """Measures the receptive fields of a model, in samples.

    A model without codes has only the first field, and one whose decoder reads no past has all
    others. A model without a decoder, or whose decoder remembers all of the past, has only the
    second. Codes that depend on all of the past, or on the whole window, have none: there is no
    range that they would keep to. Codes count from their anchor, predictions from the predicted
    sample, or from the first sample of the predicted frame. Of several streams of codes each has
    the second; the last two are those of the coarsest:

        receptive field of the decoder                 -R to -1
        receptive field of a code                      the last sample is its lookahead
        samples conditioned on a code
        receptive field of the decoder through codes   the farthest of any phase

    Args:
        model: The model, in evaluation mode.
    """
    fields: list[ReceptiveField] = []
    has_fixed_context = isinstance(model, GenerativeModel) and model.decoder.has_fixed_context
    if isinstance(model, GenerativeModel) and has_fixed_context and model.decoder.reads_past:
        past = SampleRange(Fraction(-model.decoder.chain.receptive_field), Fraction(-1))
        fields.append(ReceptiveField(OF_DECODER, past, _measured_past(model)))
    codes: list[ReceptiveField] = []
    if isinstance(model, CodeModel) and model.code_has_fixed_context:
        codes = [
            ReceptiveField(
                of_stream(OF_CODE, stream.name),
                _computed_code(stream.chain),
                _measured_code(model, stream),
            )
            for stream in model.code_streams
        ]
        fields += codes
    if isinstance(model, Autoencoder) and has_fixed_context:
        coarsest = model.code_streams[0].name
        computed, measured = _computed_readers(model), _measured_readers(model)
        fields.append(ReceptiveField(of_stream(CONDITIONED, coarsest), computed, measured))
        if codes:
            computed = _through(codes[0].computed, computed)
            measured = _through(codes[0].measured, measured)
            fields.append(ReceptiveField(of_stream(THROUGH_CODES, coarsest), computed, measured))
    return fields


def _through(code: SampleRange, readers: SampleRange) -> SampleRange:
    """Returns the farthest samples that a prediction reads through its codes."""
    return SampleRange(code.first - readers.last, code.last - readers.first)


def _computed_code(chain: Chain) -> SampleRange:
    reads, anchor = chain.input_range(range(1)), chain.grid().anchor(0)
    return SampleRange(reads.start - anchor, reads.stop - 1 - anchor)


def _computed_readers(model: Autoencoder) -> SampleRange:
    alignment = model.alignment
    hop, reach = alignment.conditioning_hop, alignment.conditioning_reach
    vectors = alignment.upsampling.reader_range(range(1))
    position = alignment.first_position + alignment.delay  # its vector is the last that it reads
    anchor = alignment.code_grid.anchor(0)
    first, last = position + vectors.start * hop, position + vectors.stop * hop + reach - 2
    every = alignment.target_hop
    return SampleRange(first * every - anchor, last * every - anchor)


@torch.no_grad()
def _measured_past(model: GenerativeModel) -> SampleRange:
    """Marks one past sample by NaN and finds the predictions that it spoils."""
    decoder, field = model.decoder, model.decoder.chain.receptive_field
    plan = model.window(field + 2)
    past, speaker = _inputs(model, plan)
    marked = field  # the first target, which its own prediction must not read
    levels = model.target.levels
    past[0, marked] = torch.nan if levels is None else levels - 1
    channels = model.upsampling.dim if isinstance(model, Autoencoder) else 0
    shape = (1, channels, plan.num_vectors)
    conditioning = torch.zeros(shape, dtype=model.dtype, device=model.device)
    with _nan_for_level(decoder.input, levels):
        parameters = decoder(past, conditioning, speaker)
    first, last = _ends(_spoilt(parameters) + field)  # predicted samples
    return SampleRange(Fraction(marked - last), Fraction(marked - first))


@contextmanager
def _nan_for_level(module: nn.Module, levels: int | None) -> Iterator[None]:
    """Makes a decoder's input return NaN for the highest level, if targets are levels."""

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
def _measured_code(model: CodeModel, stream: CodeStream) -> SampleRange:
    """Bisects for the first and last samples whose NaN spoils a code in the middle."""
    chain = model.code_chain
    num_hops = 2 * ceil(chain.receptive_field / model.hop) + 1
    code, length = num_hops // 2 * stream.codes_per_hop, chain.input_length(num_hops)

    def is_spoilt(spoil: slice) -> bool:
        waveform = torch.zeros(1, length, dtype=model.dtype, device=model.device)
        waveform[0, spoil] = torch.nan
        mean = model.average_feature_mean(1)
        with bottlenecks_that_pass_nan(model):
            encoded, _ = model.encode_hops(waveform, feature_mean=mean)
        return code in _spoilt(encoded[stream.name].latents).tolist()

    first = _bisect(length, lambda place: is_spoilt(slice(0, place + 1)))
    last = _bisect(length, lambda place: not is_spoilt(slice(place + 1, None)))
    anchor = stream.grid.anchor(code)
    return SampleRange(first - anchor, last - anchor)


@contextmanager
def bottlenecks_that_pass_nan(model: CodeModel) -> Iterator[None]:
    """Makes bottlenecks return vectors of NaN for latents with a NaN, and of zeros for others."""

    def passing(bottleneck: Bottleneck) -> Callable[..., BottleneckOutput]:
        def forward(latents: Tensor, step: Step | None = None) -> BottleneckOutput:
            is_nan = latents.isnan().any(dim=1, keepdim=True)  # (B, 1, N)
            zeros = latents.new_zeros(len(latents), bottleneck.dim, latents.shape[-1])
            return BottleneckOutput(zeros.masked_fill(is_nan, torch.nan))

        return forward

    bottlenecks = [stream.bottleneck for stream in model.code_streams]
    for each in bottlenecks:
        each.__dict__["forward"] = passing(each)
    try:
        yield
    finally:
        for each in bottlenecks:
            del each.__dict__["forward"]


@torch.no_grad()
def _measured_readers(model: Autoencoder) -> SampleRange:
    """Marks the vector of one code by NaN and finds the predictions that it spoils."""
    every = model.alignment.target_hop
    plan = model.window(model.window(every).full_usage * every + 3 * int(model.hop))
    code = plan.usage.index(plan.full_usage)
    vectors = {
        stream.name: torch.zeros(
            *(1, stream.bottleneck.dim, plan.num_codes * stream.codes_per_hop),
            dtype=model.dtype,
            device=model.device,
        )
        for stream in model.code_streams
    }
    vectors[model.code_streams[0].name][..., code] = torch.nan
    conditioning = model.upsampling(model.combine(vectors))[..., : plan.num_vectors]
    levels, speaker = _inputs(model, plan)
    predicted = model.decoder(levels, model.adapt(conditioning, speaker), speaker)
    spoilt = _spoilt(predicted[..., : plan.num_targets]) + plan.targets.start
    first, last = _ends(spoilt * every - plan.encoder_input.start)
    anchor = model.alignment.code_grid.anchor(code)
    return SampleRange(first - anchor, last - anchor)


def _inputs(model: GenerativeModel, plan: WindowPlan) -> tuple[Tensor, Tensor]:
    """Returns decoder input of zeros for a window, `(1, R + W - 1)`, and the unknown speaker
    `(1,)`.
    """
    length = plan.decoder_input.stop - plan.decoder_input.start
    kind = torch.float32 if model.target.levels is None else torch.int64
    past = torch.zeros(1, length, *model.target.shape, dtype=kind, device=model.device)
    return past, torch.tensor([model.unknown_speaker], device=model.device)


def _spoilt(outputs: Tensor) -> Tensor:
    """Places of `(1, C, N)` at which any channel is NaN."""
    return outputs.isnan().any(dim=1)[0].nonzero()[:, 0]


def _ends(spoilt: Tensor) -> tuple[int, int]:
    assert len(spoilt), "a layer lets no NaN through"
    return int(spoilt[0]), int(spoilt[-1])


def _bisect(length: int, holds: Callable[[int], bool]) -> int:
    """Returns the first place of 0 .. length - 1 from which on `holds` is true."""
    low, high = 0, length - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
