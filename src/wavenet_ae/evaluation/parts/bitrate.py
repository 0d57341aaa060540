"""Bitrate of what reaches the decoder beside the past samples: codes, or vectors, and speaker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from wavenet_ae.evaluation.part import Context, Part
from wavenet_ae.evaluation.results import ResultTable
from wavenet_ae.evaluation.unit_systems import quantization_notes
from wavenet_ae.metrics.bitrate import (
    CodeStatistics,
    speaker_bitrate,
    stream_bitrates,
    summed_over_streams,
)
from wavenet_ae.models import CodeModel, CodeStream
from wavenet_ae.models.utterance import encode_in_chunks
from wavenet_ae.progress import Progress
from wavenet_ae.types import BottleneckOutput


@torch.no_grad()
def evaluate_bitrate(context: Context, progress: Progress) -> Iterator[ResultTable]:
    """Yields the table `bitrate`; a run of equal codes ends where its utterance ends."""
    model, corpus, rows = context.code_model, context.corpus, context.rows
    sums = {stream.name: StreamSums(model, stream) for stream in model.code_streams}
    for done, row in enumerate(rows.tolist(), start=1):
        samples = torch.from_numpy(corpus.read(row, 0, int(corpus.length[row]))).to(model.device)
        chunks = list(encode_in_chunks(model, [samples]))
        for name, each in sums.items():
            each.add([chunk[name].output for chunk in chunks])
        progress.at(done / len(rows))
    seconds = float(corpus.length[rows].mean()) / model.sample_rate
    bitrates = {"speaker": speaker_bitrate(len(model.speakers), seconds)}
    bitrates |= summed_over_streams({name: each.bitrates() for name, each in sums.items()})
    notes = [note for each in model.code_streams for note in quantization_notes(each.bottleneck)]
    yield ResultTable(
        "bitrate",
        ["estimate"],
        [{"estimate": name, "bits_per_second": value} for name, value in bitrates.items()],
        notes=list(dict.fromkeys(notes)),
    )


class StreamSums:
    """Codes of one stream, and the KL divergences of its vectors, added utterance by utterance."""

    def __init__(self, model: CodeModel, stream: CodeStream) -> None:
        self.code_rate = float(model.sample_rate / stream.hop)
        size, num_codebooks = stream.bottleneck.codebook_size, stream.bottleneck.num_codebooks
        self.codes = CodeStatistics.none(num_codebooks, size, model.device) if size else None
        self.kl = self.kls = 0.0

    def add(self, outputs: Sequence[BottleneckOutput]) -> None:
        """Adds what the bottleneck returned for successive pieces of an utterance."""
        pieces = [each.codes for each in outputs if each.codes is not None]
        if self.codes is not None and pieces:
            self.codes = self.codes.added(torch.cat(pieces, dim=-1))
        for each in outputs:
            if "kl" in each.losses:
                self.kl += float(each.losses["kl"].double().sum())
                self.kls += each.losses["kl"].numel()

    def bitrates(self) -> dict[str, float]:
        """Returns bits per second by name, see metrics/bitrate.py."""
        return stream_bitrates(self.codes, self.kl, self.kls, self.code_rate)


PART = Part("bitrate", order=30, needs={"codes"}, run=evaluate_bitrate)
