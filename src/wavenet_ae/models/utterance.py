"""Whole utterances: where their codes stand, and from samples to codes, chunk by chunk.

An utterance is a whole number of hops long, each with a code of the coarsest stream and one or
several of the others. Around it is digital silence, so that every sample is predicted; the codes of
hop `n` always stand at the same instants of it:

silence ... | c0 | c1 | ... | cN-1 | ... silence
            0   hop  ...         N hops

Memory grows with the codes of an utterance, not with its samples. Dimensions are named in types.py.
From codes to conditioning leads conditioning.py, from conditioning to sound sampling.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.errors import UserError
from wavenet_ae.models.code_streams import Encoded
from wavenet_ae.models.computing import undisturbed
from wavenet_ae.models.roles import CodeModel
from wavenet_ae.stream_names import ONLY_STREAM

HOPS_AT_ONCE = 1000


class HopLayout:
    """Positions of the hops of a whole utterance of any length; see models/code_streams.py.

    Args:
        model: Model that makes the codes.

    Attributes:
        hop: Samples from one hop to the next.
        before: Hops in the silence before hop 0 that predictions read; below 0, predictions read
            none of so many hops at the beginning.
        after: Hops in the silence past the last one that predictions read; below 0 likewise.
        start: First sample that hop `-before` reads, at most 0.
    """

    def __init__(self, model: CodeModel) -> None:
        self.hop = int(model.hop)
        plan = model.window(self.hop)  # one hop long
        self.start = plan.encoder_input.start - plan.margins[0]
        # No code of hop 0 stands before the utterance.
        first = min(stream.grid.anchor(0) for stream in model.code_streams)
        self.before = ceil(-(self.start + first) / self.hop)
        self.after = plan.num_codes - 1 - self.before

    def num_hops(self, num_samples: int) -> int:
        """Returns the number of hops of an utterance, the last of which may be partly silence."""
        return -(-num_samples // self.hop)


class CodeLayout:
    """Positions of the codes of one stream in a whole utterance of any length.

    Args:
        model: Model that makes the codes.
        stream: Name of one of its streams.

    Attributes:
        hop: Samples from one code to the next.
        anchor: Sample at which code 0 stands.
    """

    def __init__(self, model: CodeModel, stream: str = ONLY_STREAM) -> None:
        own, self.hops = model.stream(stream), HopLayout(model)
        self.hop = int(own.hop)
        self.codes_per_hop = own.codes_per_hop
        self.anchor = self.hops.start + own.grid.anchor(0) + self.hops.before * self.hops.hop

    def num_codes(self, num_samples: int) -> int:
        """Returns the number of codes of an utterance, those of its last hop among them."""
        return self.hops.num_hops(num_samples) * self.codes_per_hop

    def anchors(self, num_codes: int) -> list[Fraction]:
        """Returns the sample at which each code stands."""
        return [self.anchor + code * self.hop for code in range(num_codes)]


@torch.no_grad()
def encode_utterance(model: CodeModel, waveform: Tensor) -> dict[str, Tensor]:
    """Returns the codes of an utterance.

    Args:
        model: Model to encode with.
        waveform: Samples (T,) int16 at the model's rate.

    Returns:
        By the name of the stream, codes (N,), or (H, N) of several codebooks, int64; of a
        continuous bottleneck, vectors (D, N).

    Raises:
        ValueError: There are no samples.
    """
    return encode_blocks(model, [waveform])


@torch.no_grad()
def encode_blocks(model: CodeModel, blocks: Iterable[Tensor]) -> dict[str, Tensor]:
    """Returns the codes of an utterance as `encode_utterance` does, with little of it in memory.

    Args:
        model: Model to encode with.
        blocks: Successive samples (n,) int16 at the model's rate; they are read twice where the
            features are normalized by the mean of the recording.

    Raises:
        ValueError: There are no samples.
    """
    pieces: dict[str, list[Tensor]] = {}
    for chunk in encode_in_chunks(model, blocks):
        for name, encoded in chunk.items():
            pieces.setdefault(name, []).append(encoded.codes[0])
    return {name: torch.cat(each, dim=-1) for name, each in pieces.items()}


@torch.no_grad()
def encode_in_chunks(model: CodeModel, blocks: Iterable[Tensor]) -> Iterator[dict[str, Encoded]]:
    """Yields the codes of successive hops of an utterance, of each stream by its name.

    They are those of evaluation mode, and the mode of the model stays as it is.  A state goes from
    chunk to chunk, so that chunks give what the whole utterance gives at once.  Features that are
    normalized per utterance or speaker are centered on the utterance: what an utterance is encoded
    as does not depend on which others are there.

    Args:
        model: Model to encode with.
        blocks: Successive samples (n,) int16 at the model's rate; see `encode_blocks`.

    Raises:
        ValueError: There are no samples.
        UserError: The encoder's output is not finite.
    """
    feature_mean = model.recording_mean(blocks)
    layout, samples = HopLayout(model), _SlidingSamples(blocks)
    first, state = 0, None
    while True:
        hops = range(first, first + HOPS_AT_ONCE)
        shifted = range(hops.start + layout.before, hops.stop + layout.before)
        reads = model.code_chain.input_range(shifted)
        start, stop = reads.start + layout.start, reads.stop + layout.start
        samples.advance(start, max(stop, hops.stop * layout.hop))
        if samples.has_ended:  # the hops that are left may be fewer
            num_hops = layout.num_hops(samples.stop)
            if not num_hops:
                raise ValueError("there are no samples to encode")
            if first >= num_hops:
                return
            hops = range(first, min(hops.stop, num_hops))
            shifted = range(hops.start + layout.before, hops.stop + layout.before)
            stop = model.code_chain.input_range(shifted).stop + layout.start
        with undisturbed(model):
            read = model.normalize(samples.between(start, stop))[None]
            encoded, state = model.encode_hops(read, state, feature_mean)
        if not all(torch.isfinite(each.latents).all() for each in encoded.values()):
            raise UserError(
                "the encoder's output is NaN or infinite, so that it has no codes: the weights are "
                "damaged or diverged; use another checkpoint"
            )
        yield encoded
        first = hops.stop


class _SlidingSamples:
    """Samples of an utterance between silence, of which only those still needed are in memory.

    Attributes:
        stop: Samples that have been read so far.
        has_ended: Whether these are all.
    """

    def __init__(self, blocks: Iterable[Tensor]) -> None:
        self._blocks = iter(blocks)
        self._held: list[Tensor] = []
        self._first = 0  # of the samples that are held
        self.stop, self.has_ended = 0, False

    def advance(self, start: int, stop: int) -> None:
        """Forgets samples before `start`, and reads up to `stop` and past it, or to the end."""
        while len(self._held) > 1 and self._first + len(self._held[0]) <= start:
            self._first += len(self._held.pop(0))
        while self.stop <= stop and not self.has_ended:
            block = next(self._blocks, None)
            if block is None:
                self.has_ended = True
            elif len(block):
                self._held.append(block)
                self.stop += len(block)

    def between(self, start: int, stop: int) -> Tensor:
        """Returns samples start .. stop - 1, which are silence outside the utterance."""
        held = self._held[0] if len(self._held) == 1 else torch.cat(self._held)
        inside = held[max(start - self._first, 0) : max(stop - self._first, 0)]
        before = min(max(self._first - start, 0), stop - start)
        return F.pad(inside, (before, stop - start - before - len(inside)))
