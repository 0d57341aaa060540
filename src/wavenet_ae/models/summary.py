"""The model summary: receptive fields, rates and numbers of parameters."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from math import log2

from rich.console import Console, Group
from rich.table import Table
from torch import nn

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.errors import counted
from wavenet_ae.geometry import WAVEFORM, Chain, Grid
from wavenet_ae.models.code_streams import CodeStream
from wavenet_ae.models.roles import Autoencoder, CodeModel, GenerativeModel, SpeechModel
from wavenet_ae.stream_names import ONLY_STREAM

WIDTH = 100


def model_summary(model: SpeechModel, plan: WindowPlan) -> str:
    """Tables for people: positions of every layer in a window, and what follows from them."""
    console = Console(file=io.StringIO(), width=WIDTH, markup=False, emoji=False)
    console.print(Group(_positions(model, plan), _summary(model, plan)))
    return console.file.getvalue().rstrip()  # type: ignore[attr-defined]


def headline(model: SpeechModel) -> list[str]:
    """Returns lines to print: codes and bit rate, receptive fields and lookahead, parameters."""
    rows = [*_code_rows(model)] if isinstance(model, CodeModel) else []
    codes = [f"{name}: {text}" for name, text in rows if name.startswith("codes")]
    fields = [f"{name} {text}" for name, text in rows if not name.startswith("codes")]
    if isinstance(model, GenerativeModel):
        fields.append(" ".join(_decoder_row(model)))
    return [*(codes or ["codes: none"]), "; ".join(fields), f"parameters: {_shares(model)}"]


def _number(value: Fraction) -> str:
    return f"{float(value):g}"


def _positions(model: SpeechModel, plan: WindowPlan) -> Table:
    table = Table("part", "layer", title="Positions in a window, in samples of its slice")
    for heading in ("outputs", "first", "last", "spacing", "reads", "ms"):
        table.add_column(heading, justify="right")
    if isinstance(model, CodeModel):
        length = plan.encoder_input.stop - plan.encoder_input.start
        start = Grid(Fraction(plan.encoder_input.start), WAVEFORM.spacing)
        _add_rows(table, model, "encoder", model.window_chain, length, start)
        if isinstance(model, Autoencoder):
            codes, upsampling = model.code_chain.grid(start), model.alignment.upsampling
            _add_rows(table, model, "upsampling", upsampling, plan.num_codes, codes)
    if not isinstance(model, GenerativeModel):
        return table
    read = plan.decoder_input if model.decoder.reads_past else plan.conditioning
    targets = model.target.chain.grid(Grid(Fraction(plan.target_input.start), WAVEFORM.spacing))
    reads = Grid(targets.anchor(read.start), targets.spacing)
    _add_rows(table, model, "decoder", model.decoder.chain, read.stop - read.start, reads)
    return table


def _add_rows(
    table: Table, model: SpeechModel, part: str, chain: Chain, length: int, grid: Grid
) -> None:
    for row in chain.positions(length, grid):
        reads = row.reads * grid.spacing
        milliseconds = float(reads) * 1000 / model.sample_rate
        numbers = (_number(row.first), _number(row.last), _number(row.spacing), _number(reads))
        table.add_row(part, row.name, str(row.length), *numbers, f"{milliseconds:.1f}")
        part = ""
    table.add_section()


def _summary(model: SpeechModel, plan: WindowPlan) -> Table:
    table = Table(show_header=False, title="Model")
    if isinstance(model, CodeModel):
        for name, text in _code_rows(model):
            table.add_row(name, text)
    rate, predicted = model.sample_rate, ""
    if isinstance(model, Autoencoder):
        for name, text in _conditioning_rows(model, plan):
            table.add_row(name, text)
    if isinstance(model, GenerativeModel):
        predicted = " predicted"
        table.add_row(*_decoder_row(model))
    codes = f", {counted(plan.num_codes, 'code')}" if plan.num_codes else ""
    table.add_row("window", f"{_span(plan.num_samples, rate)}{predicted}{codes}")
    table.add_row("slice", f"{_span(plan.slice_length, rate)} read")
    table.add_row("speakers", f"{len(model.speakers)} and unknown")
    table.add_row("parameters", _shares(model))
    return table


def _shares(model: SpeechModel) -> str:
    """Returns the number of parameters of a model, and those of its parts."""
    shares = ", ".join(
        f"{type(part).__name__} {_parameters(part):,}"
        for part in model.children()
        if _parameters(part)
    )
    return f"{_parameters(model):,}: {shares}"


def _decoder_row(model: GenerativeModel) -> tuple[str, str]:
    decoder, every = model.decoder, model.target.chain.grid().spacing  # samples a target
    field = decoder.chain.receptive_field
    if decoder.reads_past:
        return "receptive field of the decoder", _span(field * every, model.sample_rate)
    last = -decoder.delay
    read = f"frames {last + 1 - field:+d} to {last:+d} of the conditioning"
    return "receptive field of the decoder", read


def _code_rows(model: CodeModel) -> Iterator[tuple[str, str]]:
    for stream in model.code_streams:
        yield from _stream_rows(model, stream)


def _stream_rows(model: CodeModel, stream: CodeStream) -> Iterator[tuple[str, str]]:
    chain, rate, bottleneck = stream.chain, model.sample_rate, stream.bottleneck
    code_rate = rate / stream.hop
    size, num_codebooks = bottleneck.codebook_size, bottleneck.num_codebooks
    bands = bottleneck.rows_per_codebook
    codes = f"{_number(code_rate)} codes/s"
    if size:
        books = num_codebooks // bands
        choice = f"{books} codebooks of {size}" if books > 1 else f"{size} of them"
        choice = f"in each of {bands} bands {choice}" if bands > 1 else choice
        bit_rate = float(code_rate) * num_codebooks * log2(size)
        codes += f", {choice}: {bit_rate:.0f} bit/s nominal"
    own = "" if stream.name == ONLY_STREAM else f", {stream.name}"
    yield f"codes{own}", codes
    field = _span(chain.receptive_field, rate)
    if model.encoder.sees_whole_window:
        whole = f"the whole window; through convolutions alone {field}"
        yield f"receptive field of a code{own}", whole
    else:
        past = "" if model.code_has_fixed_context else ", and all of the past by its context"
        yield f"receptive field of a code{own}", field + past
        yield f"lookahead of a code{own}", _span(chain.lookahead, rate)


def _conditioning_rows(model: Autoencoder, plan: WindowPlan) -> Iterator[tuple[str, str]]:
    alignment, rate = model.alignment, model.sample_rate
    yield "conditioning", f"one vector every {_span(alignment.conditioning_grid.spacing, rate)}"
    yield f"{plan.target_unit}s conditioned on a code", f"at most {plan.full_usage}"


def _span(samples: Fraction | int, rate: int) -> str:
    return f"{_number(Fraction(samples))} samples, {float(samples) * 1000 / rate:.1f} ms"


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
