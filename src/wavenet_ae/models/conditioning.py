"""What whole utterances are generated from: their codes between silence, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from wavenet_ae.models.code_streams import CodeStream
from wavenet_ae.models.roles import Autoencoder, CodeModel, GenerativeModel
from wavenet_ae.models.utterance import HopLayout


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
