"""Whole utterances, chunk by chunk: samples to codes, codes to conditioning, conditioning to sound.

An utterance is a whole number of hops long, each with a code of the coarsest stream and one or
several of the others. Around it is digital silence, so that every sample is predicted; the codes of
hop `n` always stand at the same instants of it:

silence ... | c0 | c1 | ... | cN-1 | ... silence
            0   hop  ...         N hops

Memory grows with the codes of an utterance, not with its samples. Dimensions are named in types.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavenet_ae.engines import Engine, Sampling, stream_uniforms
from wavenet_ae.errors import UserError
from wavenet_ae.models.code_streams import CodeStream, Encoded
from wavenet_ae.models.computing import undisturbed
from wavenet_ae.models.roles import Autoencoder, CodeModel, Conditioning, GenerativeModel
from wavenet_ae.stream_names import ONLY_STREAM

HOPS_AT_ONCE = 1000
SECONDS_AT_ONCE = 0.5


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


def num_hops_of(model: CodeModel, codes: Mapping[str, Tensor]) -> int:
    """Returns the number of hops of an utterance's codes, of each stream by its name."""
    coarsest = model.code_streams[0]
    return codes[coarsest.name].shape[-1] // coarsest.codes_per_hop


class CodeConditioning:
    """Conditioning of B utterances by their codes.

    Shorter utterances are followed by silence.

    Args:
        model: Model whose decoder is conditioned.
        utterances: Codes or vectors of each utterance, as `encode_utterance` returns them.

    Attributes:
        num_samples: Samples of each utterance.
        vectors: What the upsampling reads (B, D, N) of the hops of the longest utterance, and of
            `before` and `after` hops of silence around them.
    """

    @torch.no_grad()
    def __init__(self, model: Autoencoder, utterances: Sequence[Mapping[str, Tensor]]) -> None:
        self.model, self.layout = model, HopLayout(model)
        num_hops = [num_hops_of(model, each) for each in utterances]
        self.num_samples = [each * self.layout.hop for each in num_hops]
        silence, longest = self._silence(), max(num_hops)
        vectors = {}
        for stream in model.code_streams:
            own = [self._vectors(stream, each[stream.name]) for each in utterances]
            around = silence[stream.name]
            rows = [self._between_silence(each, around, longest) for each in own]
            vectors[stream.name] = torch.stack(rows)
        self.vectors = model.combine(vectors)

    def _silence(self) -> dict[str, Tensor]:
        """Returns the vectors (D, n) of a hop of digital silence, in an average recording.

        Codes do not tell the mean of the features of the recording that they are of.
        """
        model = self.model
        length = model.code_chain.receptive_field  # of one hop
        samples = torch.zeros(1, length, dtype=model.dtype, device=model.device)
        encoded, _ = model.encode_hops(samples, feature_mean=model.average_feature_mean(1))
        return {name: each.output.vectors[0] for name, each in encoded.items()}

    def _vectors(self, stream: CodeStream, codes: Tensor) -> Tensor:
        """Returns the vectors (D, N) of codes, or vectors as they are."""
        if codes.is_floating_point():
            return codes.to(self.model.device, self.model.dtype)
        return stream.bottleneck.decode(codes.to(self.model.device)[None])[0]

    def _between_silence(self, vectors: Tensor, silence: Tensor, longest: int) -> Tensor:
        """Returns the vectors of an utterance between those of silence.

        Args:
            vectors: Vectors (D, N) of the utterance. Where `before` or `after` is below 0, no
                prediction reads those of its first or last hops, which are left out.
            silence: Vectors (D, n) of one hop of silence.
            longest: Hops of the longest utterance.

        Returns:
            Vectors (D, M) of `before + longest + after` hops.
        """
        before, codes_per_hop = self.layout.before, silence.shape[1]
        num_codes = (before + longest + self.layout.after) * codes_per_hop
        read = vectors[:, max(0, -before) * codes_per_hop :]
        start = torch.cat([silence.repeat(1, max(0, before)), read], dim=1)[:, :num_codes]
        missing = (num_codes - start.shape[1]) // codes_per_hop
        return torch.cat([start, silence.repeat(1, missing)], dim=1)

    @torch.no_grad()
    def between(self, first: int, stop: int) -> Tensor:
        """Returns conditioning vectors (B, C, M): first .. stop - 1, or fewer at the end."""
        chain = self.model.upsampling.chain
        stop = min(stop, chain.output_length(self.vectors.shape[-1]))
        codes = chain.input_range(range(first, stop))
        conditioning = self.model.upsampling(self.vectors[..., codes.start : codes.stop])
        offset = first - chain.output_range(codes).start
        return conditioning[..., offset : offset + stop - first]


class NoConditioning:
    """Conditioning without channels: utterances are generated from the speaker alone.

    Args:
        model: Model without codes.
        num_samples: Samples of each utterance.
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
    """Generates the waveforms of B utterances.

    Args:
        model: Model that generates.
        engine: Steps its decoder.
        conditioning: What each utterance is generated from.
        speaker: Rows (B,) of the speakers.
        seeds: Seed of each utterance's random numbers, which nothing beside it changes.
        sampling: Changes to the predicted distribution.

    Yields:
        The next int16 samples of each utterance; those of one that has ended are empty. Where
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
    """Generates the targets of B utterances, as many of each as the longest has.

    Args:
        model: Model that generates.
        engine: Steps its decoder.
        conditioning: What each utterance is generated from.
        speaker: Rows (B,) of the speakers.
        seeds: Seed of each utterance's random numbers, which nothing beside it changes.
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
