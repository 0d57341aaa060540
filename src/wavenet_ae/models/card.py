"""The model's card: what reads what, at which rate, with how many parameters."""

from __future__ import annotations

import io
from fractions import Fraction
from math import log2

from rich.console import Console, Group
from rich.table import Table
from torch import nn

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.geometry import WAVEFORM, Chain, Grid
from wavenet_ae.models.autoencoder import WaveformAutoencoder

WIDTH = 100


def model_card(model: WaveformAutoencoder, plan: WindowPlan) -> str:
    """Tables for people: positions of every layer in a window, and what follows from them."""
    console = Console(file=io.StringIO(), width=WIDTH)
    console.print(Group(_positions(model, plan), _summary(model, plan)))
    return console.file.getvalue().rstrip()  # type: ignore[attr-defined]


def _number(value: Fraction) -> str:
    return f"{float(value):g}"


def _positions(model: WaveformAutoencoder, plan: WindowPlan) -> Table:
    table = Table("part", "layer", title="Positions in a window, in samples of its slice")
    for heading in ("outputs", "first", "last", "spacing", "reads", "ms"):
        table.add_column(heading, justify="right")
    alignment = model.alignment
    encoder_length = plan.encoder_input.stop - plan.encoder_input.start
    decoder_length = plan.decoder_input.stop - plan.decoder_input.start
    start = Grid(Fraction(plan.encoder_input.start), WAVEFORM.spacing)
    heard = Grid(Fraction(plan.decoder_input.start), WAVEFORM.spacing)
    _add_rows(table, model, "encoder", alignment.encoder, encoder_length, start)
    codes = alignment.encoder.grid(start)
    _add_rows(table, model, "upsampling", alignment.upsampling, plan.num_codes, codes)
    _add_rows(table, model, "decoder", alignment.decoder, decoder_length, heard)
    return table


def _add_rows(
    table: Table, model: WaveformAutoencoder, part: str, chain: Chain, length: int, grid: Grid
) -> None:
    for row in chain.positions(length, grid):
        reads = row.reads * grid.spacing
        milliseconds = float(reads) * 1000 / model.sample_rate
        numbers = (_number(row.first), _number(row.last), _number(row.spacing), _number(reads))
        table.add_row(part, row.name, str(row.length), *numbers, f"{milliseconds:.1f}")
        part = ""
    table.add_section()


def _summary(model: WaveformAutoencoder, plan: WindowPlan) -> Table:
    alignment, rate = model.alignment, model.sample_rate
    code_rate = rate / alignment.code_hop
    size = model.bottleneck.codebook_size
    codes = f"{_number(code_rate)} codes/s"
    if size:
        codes += f", {size} of them: {float(code_rate) * log2(size):.0f} bit/s nominal"

    def span(samples: Fraction | int) -> str:
        return f"{_number(Fraction(samples))} samples, {float(samples) * 1000 / rate:.1f} ms"

    table = Table(show_header=False, title="Model")
    table.add_row("codes", codes)
    table.add_row("a code reads", span(alignment.encoder.receptive_field))
    table.add_row("look-ahead of a code", span(alignment.encoder.lookahead))
    table.add_row("decoder's receptive field", span(alignment.receptive_field))
    table.add_row("window", f"{span(plan.num_targets)} predicted, {plan.num_codes} codes")
    table.add_row("slice", f"{span(plan.slice_length)} read")
    table.add_row("conditioning", f"one vector every {span(alignment.conditioning_hop)}")
    table.add_row("usage of a code", f"{plan.full_usage} predicted samples read it, at most")
    table.add_row("speakers", f"{len(model.speakers)} and unknown")
    parts = (model.encoder, model.bottleneck, model.upsampling, model.decoder)
    counts = [sum(p.numel() for p in part.parameters()) for part in parts]
    names = [type(part).__name__ for part in parts]
    shares = ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=True))
    table.add_row("parameters", f"{_parameters(model):,}: {shares}")
    return table


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
