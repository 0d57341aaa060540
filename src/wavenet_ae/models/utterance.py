"""Whole utterances, chunk by chunk: samples to codes, codes to conditioning, conditioning to sound.

An utterance of N codes is N code hops long. Around it is digital silence, so that every sample is
predicted; code `n` always stands at the same instant of hop `n`:

silence ... | c0 | c1 | ... | cN-1 | ... silence
            0   hop  ...         N hops

Memory grows with the codes of an utterance, not with its samples. Dimensions are named in types.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import ceil

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.engines import Engine, Sampling, stream_uniforms
from wavenet_ae.errors import UserError
from wavenet_ae.models.roles import Autoencoder, CodeModel, Conditioning, GenerativeModel
from wavenet_ae.nn.batch_norm import evaluation_mode
from wavenet_ae.types import BottleneckOutput

CODES_AT_ONCE = 1000
SECONDS_AT_ONCE = 0.5


class CodeLayout:
    """Positions of the codes of a whole utterance of any length.

    Args:
        model: Model that makes the codes.

    Attributes:
        hop: Samples from one code to the next.
        before: Codes of the silence before code 0 that predictions read; below 0, predictions read
            none of so many codes at the beginning.
        after: Codes of the silence past the last code that predictions read; below 0 likewise.
        start: First sample that code `-before` reads, at most 0.
        anchor: Sample at which code 0 stands.
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
        """Returns the number of codes of an utterance, the last of which may be partly silence."""
        return -(-num_samples // self.hop)

    def anchors(self, num_codes: int) -> list[Fraction]:
        """Returns the sample at which each code stands."""
        return [self.anchor + code * self.hop for code in range(num_codes)]


@torch.no_grad()
def encode_utterance(model: CodeModel, waveform: Tensor) -> Tensor:
    """Returns the codes of an utterance.

    Args:
        model: Model to encode with.
        waveform: Samples (T,) int16 at the model's rate.

    Returns:
        Codes (N,), or (H, N) of several codebooks, int64; of a continuous bottleneck, vectors
        (D, N).

    Raises:
        ValueError: There are no samples.
    """
    return encode_blocks(model, [waveform])


@torch.no_grad()
def encode_blocks(model: CodeModel, blocks: Iterable[Tensor]) -> Tensor:
    """Returns the codes of an utterance as `encode_utterance` does, with little of it in memory.

    Args:
        model: Model to encode with.
        blocks: Successive samples (n,) int16 at the model's rate; they are read twice where the
            features are normalized by the mean of the recording.

    Raises:
        ValueError: There are no samples.
    """
    outputs = (output for _, output in encode_in_chunks(model, blocks))
    pieces = [(each.vectors if each.codes is None else each.codes)[0] for each in outputs]
    return torch.cat(pieces, dim=-1)


@torch.no_grad()
def encode_in_chunks(
    model: CodeModel, blocks: Iterable[Tensor]
) -> Iterator[tuple[Tensor, BottleneckOutput]]:
    """Yields what the bottleneck reads for successive codes of an utterance, and its output.

    The first is (1, C, n): the encoder's latents, or a context.  They are those of evaluation mode;
    the mode of the model stays as it is.  A state goes from chunk to chunk, so that chunks give
    what the whole utterance gives at once.  Features that are normalized per utterance or speaker
    are centered on the utterance: what an utterance is encoded as does not depend on which others
    are there.

    Args:
        model: Model to encode with.
        blocks: Successive samples (n,) int16 at the model's rate; see `encode_blocks`.

    Raises:
        ValueError: There are no samples.
        UserError: The encoder's output is not finite.
    """
    feature_mean = model.recording_mean(blocks)
    layout, samples = CodeLayout(model), _SlidingSamples(blocks)
    first, state = 0, None
    while True:
        codes = range(first, first + CODES_AT_ONCE)
        shifted = range(codes.start + layout.before, codes.stop + layout.before)
        reads = model.code_chain.input_range(shifted)
        start, stop = reads.start + layout.start, reads.stop + layout.start
        samples.advance(start, max(stop, codes.stop * layout.hop))
        if samples.has_ended:  # the codes that are left may be fewer
            num_codes = layout.num_codes(samples.stop)
            if not num_codes:
                raise ValueError("there are no samples to encode")
            if first >= num_codes:
                return
            codes = range(first, min(codes.stop, num_codes))
            shifted = range(codes.start + layout.before, codes.stop + layout.before)
            stop = model.code_chain.input_range(shifted).stop + layout.start
        with evaluation_mode(model):
            read = model.normalize(samples.between(start, stop))[None]
            latents, state = model.embed(read, state, feature_mean)
            latents = latents[..., : len(codes)]
            output = model.bottleneck(latents)
        if not torch.isfinite(latents).all():
            raise UserError(
                "the encoder's output is NaN or infinite, so that it has no codes: the weights are "
                "damaged or diverged; use another checkpoint"
            )
        yield latents, output
        first = codes.stop


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


class CodeConditioning:
    """Conditioning of B utterances by their codes.

    Shorter utterances are followed by silence.

    Args:
        model: Model whose decoder is conditioned.
        utterances: Codes or vectors of each utterance, as `encode_utterance` returns them.

    Attributes:
        num_samples: Samples of each utterance.
        vectors: Vectors (B, D, before + N + after) of the longest utterance's N codes.
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
            before, after = self.layout.before, self.layout.after + longest - vectors.shape[-1]
            read = vectors[:, max(0, -before) : vectors.shape[-1] + min(0, after)]
            around = (silence.expand(-1, max(0, each)) for each in (before, after))
            rows.append(torch.cat([next(around), read, next(around)], dim=1))
        self.vectors = torch.stack(rows)  # (B, D, before + longest + after)

    def _silence(self) -> Tensor:
        """Returns the vector (D, 1) of digital silence, in an average recording."""
        model = self.model
        length = model.encoder.chain.receptive_field
        samples = torch.zeros(1, length, dtype=model.dtype, device=model.device)
        latents = model.encoder(samples, model.average_feature_mean(1))
        return model.bottleneck(latents[..., :1]).vectors[0]

    def _vectors(self, utterance: Tensor) -> Tensor:
        if utterance.is_floating_point():
            return utterance.to(self.model.device, self.model.dtype)
        codes = utterance.to(self.model.device)
        return self.model.bottleneck.decode(codes[None])[0]

    @torch.no_grad()
    def between(self, first: int, stop: int) -> Tensor:
        """Returns conditioning vectors (B, C, M): first .. stop - 1, or fewer at the end."""
        chain = self.model.alignment.upsampling
        stop = min(stop, chain.output_length(self.vectors.shape[-1]))
        codes = chain.input_range(range(first, stop))
        conditioning = self.model.upsampling(self.vectors[..., codes.start : codes.stop])
        offset = first - chain.output_range(codes).start
        return conditioning[..., offset : offset + stop - first]


class NoConditioning:
    """Conditioning without channels: streams are generated from the speaker alone.

    Args:
        model: Model without codes.
        num_samples: Samples of each stream.
    """

    def __init__(self, model: GenerativeModel, num_samples: list[int]) -> None:
        self.model, self.num_samples = model, num_samples

    def between(self, first: int, stop: int) -> Tensor:
        """Returns conditioning vectors (B, 0, stop - first)."""
        model, shape = self.model, (len(self.num_samples), 0, stop - first)
        return torch.empty(shape, dtype=model.dtype, device=model.device)


def synthesize(
    model: GenerativeModel,
    engine: Engine,
    conditioning: Conditioning,
    speaker: Tensor,
    seeds: Sequence[int],
    sampling: Sampling,
) -> Iterator[list[np.ndarray]]:
    """Generates the waveforms of B streams.

    Args:
        model: Model that generates.
        engine: Steps its decoder.
        conditioning: What each stream is generated from.
        speaker: Rows (B,) of the speakers.
        seeds: Seed of each stream's random numbers, which nothing beside it changes.
        sampling: Changes to the predicted distribution.

    Yields:
        The next int16 samples of each stream; those of a stream that has ended are empty. Where
        targets are frames, all samples come at once.

    Raises:
        UserError: The decoder's output cannot be sampled in this way.
    """
    pieces = generate_targets(model, engine, conditioning, speaker, seeds, sampling)
    if model.target.num_channels is not None:
        frames = torch.cat([*pieces], dim=1)  # (B, W, C)
        hop = int(model.target.chain.grid().spacing)
        yield [
            model.target.to_waveform(row[None, : -(-length // hop)])[0, :length]
            for row, length in zip(frames, conditioning.num_samples, strict=True)
        ]
        return
    done = 0
    for targets in pieces:
        waveform = model.target.to_waveform(targets)  # (B, count)
        count = waveform.shape[1]
        ends = [min(max(each - done, 0), count) for each in conditioning.num_samples]
        yield [row[:end] for row, end in zip(waveform, ends, strict=True)]
        done += count


def generate_targets(
    model: GenerativeModel,
    engine: Engine,
    conditioning: Conditioning,
    speaker: Tensor,
    seeds: Sequence[int],
    sampling: Sampling,
) -> Iterator[Tensor]:
    """Generates the targets of B streams, as many of each as the longest has.

    Args:
        model: Model that generates.
        engine: Steps its decoder.
        conditioning: What each stream is generated from.
        speaker: Rows (B,) of the speakers.
        seeds: Seed of each stream's random numbers, which nothing beside it changes.
        sampling: Changes to the predicted distribution.

    Yields:
        The next targets (B, n), or frames (B, n, C).

    Raises:
        UserError: The decoder's output cannot be sampled in this way.
    """
    decoder, target, device = model.decoder, model.target, model.device
    decoder.output.require_sampling(sampling)
    field, hop = decoder.chain.receptive_field, decoder.conditioning_hop
    read = target.chain.input_length(1)
    silence = target(torch.zeros(1, read, dtype=torch.int16, device=device))  # (1, 1, ...)
    history = silence.expand(len(seeds), field, *target.shape)
    target_hop = int(target.chain.grid().spacing)
    at_once = max(1, round(SECONDS_AT_ONCE * model.sample_rate / (hop * target_hop)))
    num_vectors = -(-field // hop) + at_once
    speaker = speaker.to(device)
    first = model.adapt(conditioning.between(0, num_vectors), speaker)
    session = engine.begin(history, first, speaker)
    done, total = 0, -(-max(conditioning.num_samples) // target_hop)
    while done < total:
        count, size = min(session.num_ready, total - done), target.num_values
        numbers = torch.from_numpy(stream_uniforms(seeds, done * size, count * size)).to(device)
        yield session.generate(numbers.view(len(seeds), count, *target.shape), sampling)
        done += count
        if done < total:
            further = conditioning.between(num_vectors, num_vectors + at_once)
            session.extend(model.adapt(further, speaker))
            num_vectors += at_once
