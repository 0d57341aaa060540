"""Whole utterances: samples to codes, and the conditioning that codes make, in pieces.

An utterance of N codes is N code hops long.  Around it is digital silence, so that every sample is
predicted; code `n` always stands at the same instant of hop `n`:

silence ... | c0 | c1 | ... | cN-1 | ... silence
            0   hop  ...         N hops

Memory grows with the codes of an utterance, not with its samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.models.roles import Autoencoder, CodeModel, GenerativeModel
from wavenet_ae.types import BottleneckOutput

CODES_AT_ONCE = 1000


class CodeLayout:
    """Where the codes of any whole utterance lie.

    hop         samples of a code
    before      codes of the silence before code 0 that predictions read;  `after`: past the last
    start       first sample that code -before reads, at most 0
    """

    def __init__(self, model: CodeModel) -> None:
        self.hop = int(model.hop)
        plan = model.window(self.hop)  # one code long
        self.start = plan.encoder_input.start - plan.margins[0]
        first_anchor = self.start + model.code_streams[0].grid.anchor(0)
        self.before = ceil(-first_anchor / self.hop)
        self.after = plan.num_codes - 1 - self.before
        self.anchor = first_anchor + self.before * self.hop

    def num_codes(self, num_samples: int) -> int:
        return -(-num_samples // self.hop)

    def anchors(self, num_codes: int) -> list[Fraction]:
        """The sample at which each code stands."""
        return [self.anchor + code * self.hop for code in range(num_codes)]


@torch.no_grad()
def encode_utterance(model: CodeModel, waveform: Tensor) -> Tensor:
    """Samples (T,) int16 at the model's rate -> codes (N,), or (Q, N), int64; of a continuous
    bottleneck, vectors (D, N).  ValueError without samples."""
    outputs = (output for _, output in encode_in_chunks(model, waveform))
    pieces = [(each.vectors if each.codes is None else each.codes)[0] for each in outputs]
    return torch.cat(pieces, dim=-1)


@torch.no_grad()
def encode_in_chunks(
    model: CodeModel, waveform: Tensor
) -> Iterator[tuple[Tensor, BottleneckOutput]]:
    """Latents (1, C, n) of some codes of an utterance and what the bottleneck makes of them,
    piece after piece.  ValueError without samples."""
    if not len(waveform):
        raise ValueError("there are no samples to encode")
    layout = CodeLayout(model)
    num_codes = layout.num_codes(len(waveform))
    for first in range(0, num_codes, CODES_AT_ONCE):
        codes = range(first, min(first + CODES_AT_ONCE, num_codes))
        shifted = range(codes.start + layout.before, codes.stop + layout.before)
        read = model.encoder.chain.input_range(shifted)
        samples = _with_silence(waveform, read.start + layout.start, read.stop + layout.start)
        latents = model.encoder(model.normalize(samples)[None])[..., : len(codes)]
        yield latents, model.bottleneck(latents)


def _with_silence(waveform: Tensor, first: int, stop: int) -> Tensor:
    """Samples first .. stop - 1 of a waveform (T,) in endless silence."""
    inside = waveform[max(first, 0) : max(stop, 0)]
    before = min(max(-first, 0), stop - first)
    return F.pad(inside, (before, stop - first - before - len(inside)))


class CodeConditioning:
    """Conditioning of B utterances, given by codes or vectors as `encode_utterance` gives them.

    The shorter are followed by silence.
    """

    @torch.no_grad()
    def __init__(self, model: Autoencoder, utterances: list[Tensor]) -> None:
        self.model, self.layout = model, CodeLayout(model)
        self.num_samples = [each.shape[-1] * self.layout.hop for each in utterances]
        longest = max(each.shape[-1] for each in utterances)
        silence = self._silence()  # (D, 1)
        rows = []
        for each in utterances:
            vectors = self._vectors(each)
            after = self.layout.after + longest - vectors.shape[-1]
            around = silence.expand(-1, self.layout.before), silence.expand(-1, after)
            rows.append(torch.cat([around[0], vectors, around[1]], dim=1))
        self.vectors = torch.stack(rows)  # (B, D, before + longest + after)

    def _silence(self) -> Tensor:
        """(D, 1), the vector that digital silence gets."""
        model = self.model
        length = model.encoder.chain.receptive_field
        samples = torch.zeros(1, length, dtype=model.dtype, device=model.device)
        return model.bottleneck(model.encoder(samples)[..., :1]).vectors[0]

    def _vectors(self, utterance: Tensor) -> Tensor:
        if utterance.is_floating_point():
            return utterance.to(self.model.device, self.model.dtype)
        codes = utterance.to(self.model.device)
        return self.model.bottleneck.decode(codes[None])[0]

    @torch.no_grad()
    def between(self, first: int, stop: int) -> Tensor:
        """Conditioning vectors first .. stop - 1, as far as there are any: (B, C, M)."""
        chain = self.model.alignment.upsampling
        stop = min(stop, chain.output_length(self.vectors.shape[-1]))
        codes = chain.input_range(range(first, stop))
        conditioning = self.model.upsampling(self.vectors[..., codes.start : codes.stop])
        offset = first - chain.output_range(codes).start
        return conditioning[..., offset : offset + stop - first]


class NoConditioning:
    """Conditioning of streams that are generated from nothing but the speaker.

    Args:
        model: Model without codes.
        num_samples: Samples of each stream.
    """

    def __init__(self, model: GenerativeModel, num_samples: list[int]) -> None:
        self.model, self.num_samples = model, num_samples

    def between(self, first: int, stop: int) -> Tensor:
        model, shape = self.model, (len(self.num_samples), 0, stop - first)
        return torch.empty(shape, dtype=model.dtype, device=model.device)
