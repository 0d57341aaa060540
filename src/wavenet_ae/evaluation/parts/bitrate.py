"""Bitrate of what reaches the decoder beside the past samples: codes, or vectors, and speaker."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from wavenet_ae.evaluation.part import Context, Part
from wavenet_ae.evaluation.results import ResultTable
from wavenet_ae.evaluation.unit_systems import quantization_notes
from wavenet_ae.metrics.bitrate import (
    CodeStatistics,
    code_bitrates,
    kl_bitrate,
    speaker_bitrate,
)
from wavenet_ae.models.utterance import encode_in_chunks
from wavenet_ae.progress import Progress


@torch.no_grad()
def evaluate_bitrate(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields the table `bitrate`; a run of equal codes ends where its utterance ends."""
    model, corpus, rows = context.code_model, context.corpus, context.rows
    bottleneck, device = model.bottleneck, model.device
    size = bottleneck.codebook_size
    codes = CodeStatistics.none(bottleneck.num_codebooks, size, device) if size else None
    kl = kls = 0.0
    for done, row in enumerate(rows.tolist(), start=1):
        samples = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row]))).to(device)
        outputs = [output for _, output in encode_in_chunks(model, [samples])]
        pieces = [each.codes for each in outputs if each.codes is not None]
        if codes is not None and pieces:
            codes = codes.added(torch.cat(pieces, dim=-1))
        for each in outputs:
            if "kl" in each.losses:
                kl += float(each.losses["kl"].double().sum())
                kls += each.losses["kl"].numel()
        progress.at(done / len(rows))
    code_rate = float(model.sample_rate / model.hop)
    seconds = float(corpus.length[rows].mean()) / model.sample_rate
    bitrates = {"speaker": speaker_bitrate(len(model.speakers), seconds)}
    bitrates |= code_bitrates(codes, code_rate) if codes is not None else {}
    bitrates |= {"kl": kl_bitrate(kl / kls, code_rate)} if kls else {}
    yield ResultTable(
        "bitrate",
        ["estimate"],
        [{"estimate": name, "bits_per_second": value} for name, value in bitrates.items()],
        notes=quantization_notes(bottleneck),
    )


PART = Part("bitrate", order=30, needs={"codes"}, run=evaluate_bitrate)
