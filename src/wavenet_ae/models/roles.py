"""What a model can be asked for: the roles that everything above `models/` relies on.

A waveform autoencoder has all of them; a language model has no codes; a representation that is
trained without a decoder generates nothing.  Ask for a role, never for a class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from types import MappingProxyType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from wavenet_ae.alignment import Alignment, WindowPlan
from wavenet_ae.audio.feature_means import recording_mean
from wavenet_ae.audio.waveforms import FULL_SCALE, Waveform
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.decoders import Decoder
from wavenet_ae.encoders import Encoder
from wavenet_ae.geometry import Chain
from wavenet_ae.models.code_streams import CodeStream, Encoded
from wavenet_ae.nn.conditioning import Upsampling
from wavenet_ae.stream_names import ONLY_STREAM
from wavenet_ae.targets import Target
from wavenet_ae.types import BottleneckOutput, InputRandomness, ModelOutput, Step


class Conditioning(Protocol):
    """What B utterances are generated from, see models/conditioning.py."""

    @property
    def num_samples(self) -> Sequence[int]:
        """Samples of each utterance."""

    def between(self, first: int, stop: int) -> Tensor:
        """Returns conditioning vectors (B, C, M), M at most `stop - first`."""


class SpeechModel(nn.Module):
    """Reads waveforms at a sample rate and knows speakers by name.

    Args:
        sample_rate: Samples a second of all waveforms.
        speakers: Names of the speakers, in the order of their rows; one more row is the unknown
            speaker's.
        unknown_speaker_probability: Share of training items whose speaker is made unknown.

    Attributes:
        speaker_conditioning: Whether the output depends on the speaker.
        config: Plain values from which `wavenet_ae.models.build` made the model; empty for one that
            was made by hand.
    """

    speaker_conditioning: bool = True
    config: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self, sample_rate: int, speakers: Sequence[str], unknown_speaker_probability: float = 0.0
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.speakers = list(speakers)
        self.unknown_speaker_probability = unknown_speaker_probability

    def forward(
        self,
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
        step: Step | None = None,
        feature_mean: Tensor | None = None,
    ) -> ModelOutput:
        """Returns the model's output for windows.

        Args:
            waveform: Slices (B, slice_length) int16.
            speaker: Rows (B,) of the speakers.
            plan: Where the parts of a window lie.
            step: In training, its number and random numbers; None in evaluation, where nothing is
                random and no statistic changes.
            feature_mean: Means (B, C) of the features of the recordings that the windows are from,
                or of their speakers; None for a model whose features are normalized by the corpus.
        """
        raise NotImplementedError

    def window(self, num_samples: int) -> WindowPlan:
        """Returns the plan of a window that stands for `num_samples` samples."""
        raise NotImplementedError

    @property
    def hop(self) -> Fraction:
        """Samples of which the length of a training window must be a multiple."""
        raise NotImplementedError

    def fit(
        self, waveforms: Iterable[Tensor], feature_means: Iterable[Tensor] | None = None
    ) -> None:
        """Sets statistics from waveforms of the training split; by default none.

        Args:
            waveforms: Waveforms (B, T) in [-1, 1].
            feature_means: Means (B, C) for each of them, as `forward` takes them.
        """

    def average_feature_mean(self, num_items: int) -> Tensor | None:
        """Returns what stands for the means (B, C) of recordings that nobody knows.

        It is the mean of the training split, for windows that are no recording's: silence, or
        noise that a check runs through the model. None for a model that takes no means.
        """
        return None

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self._first_tensor.device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return self._first_tensor.dtype

    @property
    def _first_tensor(self) -> Tensor:
        """A weight, or where features alone are the model, a statistic of theirs."""
        tensors = chain(self.parameters(), self.buffers())
        return next(each for each in tensors if each.is_floating_point())

    @property
    def unknown_speaker(self) -> int:
        """Row of the unknown speaker."""
        return len(self.speakers)

    def speaker_row(self, name: str) -> int:
        """Returns the row of a corpus's speaker, the unknown speaker's for a name without one."""
        return self.speakers.index(name) if name in self.speakers else self.unknown_speaker

    def drop_speakers(self, speaker: Tensor, step: Step | None) -> Tensor:
        """Returns rows (B,), in training some of them the unknown speaker's, so that it learns."""
        if step is None:
            return speaker
        is_unknown = step.speaker_dropout < self.unknown_speaker_probability
        return speaker.masked_fill(is_unknown, self.unknown_speaker)

    def normalize(self, waveform: Tensor) -> Tensor:
        """Returns int16 samples as amplitudes in [-1, 1) in the precision of the weights."""
        return waveform.to(self.dtype) / FULL_SCALE


class CodeModel(SpeechModel):
    """Makes codes, or vectors where a bottleneck is continuous, of waveforms.

    Attributes:
        encoder: Reads the waveform.
        code_streams: Streams of codes, the coarsest first.
        code_chain: Geometry from waveform samples to the codes of the coarsest stream. It reads all
            that the other streams read of the same hops.
        window_chain: Geometry from a window's encoder input to the same codes.
        code_has_fixed_context: Whether a code is a function of the samples in its receptive field
            alone, so that a window gives the codes of the whole utterance.
    """

    encoder: Encoder

    @property
    def code_streams(self) -> tuple[CodeStream, ...]:
        raise NotImplementedError

    def stream(self, name: str) -> CodeStream:
        """Returns the stream of this name.

        Raises:
            KeyError: The model has no such stream.
        """
        return {each.name: each for each in self.code_streams}[name]

    @property
    def code_has_fixed_context(self) -> bool:
        return not self.encoder.sees_whole_window

    @property
    def code_chain(self) -> Chain:
        return self.encoder.chain

    @property
    def window_chain(self) -> Chain:
        return self.code_chain

    @property
    def context_dim(self) -> int:
        """Channels of the context; of the latents where the model has no context network."""
        return self.encoder.dim

    @property
    def hop(self) -> Fraction:
        """Samples from one code of the coarsest stream to the next."""
        return self.code_chain.grid().spacing

    def fit(
        self, waveforms: Iterable[Tensor], feature_means: Iterable[Tensor] | None = None
    ) -> None:
        self.encoder.fit(waveforms, feature_means)

    def encode_hops(
        self,
        waveform: Tensor,
        state: Tensor | None = None,
        feature_mean: Tensor | None = None,
    ) -> tuple[dict[str, Encoded], Tensor | None]:
        """Encodes some hops of a waveform, and returns the state in which the next piece begins.

        Args:
            waveform: (B, T) in [-1, 1], the samples that `code_chain` reads for N hops.
            state: State after the hops before; None at the beginning, and for a model that keeps
                none.
            feature_mean: (B, C) means of the features, see `forward`.

        Returns:
            The codes of each stream by its name, `N * codes_per_hop` of them, and the state after
            the last hop.
        """
        raise NotImplementedError

    def encode(self, waveform: Waveform, rate: int, smoothing: float = 0.0) -> Any:
        """Returns the codes of a recording, see `encode_recordings`."""
        raise NotImplementedError

    def input_randomness(self, step: Step | None) -> InputRandomness | None:
        """Returns the numbers by which the input is perturbed; None for a frozen encoder's."""
        return step.input if step is not None and self.encoder.training else None

    def recording_mean(self, blocks: Iterable[Tensor]) -> Tensor | None:
        """Returns the mean (1, C) of the features of a recording.

        Args:
            blocks: Successive samples (n,) int16; they are read here and again to be encoded.

        Returns:
            The mean, as `forward` takes it; None for a model that takes no means, without reading
            anything.

        Raises:
            ValueError: The blocks can be read only once.
        """
        if not self.encoder.features.needs_mean:
            return None
        if iter(blocks) is blocks:
            raise ValueError(
                "a recording that is normalized by its mean is read twice: give a list"
            )
        return recording_mean(self.encoder.features, blocks)[None].to(self.device, self.dtype)

    def average_feature_mean(self, num_items: int) -> Tensor | None:
        features = self.encoder.features
        return features.mean.t().expand(num_items, -1) if features.needs_mean else None


class OneStream(CodeModel):
    """A model with one stream of codes: it has one bottleneck, which reads what `embed` returns.

    Attributes:
        bottleneck: From what `embed` returns to codes and vectors.
    """

    bottleneck: Bottleneck

    @property
    def code_streams(self) -> tuple[CodeStream, ...]:
        return (CodeStream(ONLY_STREAM, self.bottleneck, self.code_chain),)

    def embed(
        self,
        waveform: Tensor,
        state: Tensor | None = None,
        feature_mean: Tensor | None = None,
        random: InputRandomness | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Returns what the bottleneck reads, and the state in which the next piece begins.

        Args:
            waveform: (B, T) in [-1, 1], the samples that `code_chain` reads for N codes.
            state: State after the codes before; None at the beginning, and for a model that keeps
                none.
            feature_mean: (B, C) means of the features, see `forward`.
            random: In training, the numbers by which the input is perturbed.

        Returns:
            (B, C, N), and the state after the last code.
        """
        return self.encoder(waveform, feature_mean, random), None

    def encode_hops(
        self,
        waveform: Tensor,
        state: Tensor | None = None,
        feature_mean: Tensor | None = None,
    ) -> tuple[dict[str, Encoded], Tensor | None]:
        latents, state = self.embed(waveform, state, feature_mean)
        return {ONLY_STREAM: Encoded(latents, self.bottleneck(latents))}, state

    def latents(
        self,
        waveform: Tensor,
        plan: WindowPlan,
        step: Step | None = None,
        feature_mean: Tensor | None = None,
    ) -> Tensor:
        """Returns what the bottleneck reads (B, C, N) for slices (B, slice_length) int16."""
        samples = self.normalize(waveform[:, plan.encoder_input])
        random = self.input_randomness(step)
        return self.embed(samples, feature_mean=feature_mean, random=random)[0]


class GenerativeModel(SpeechModel):
    """Predicts a target by a decoder, and so can generate it.

    Attributes:
        target: What is predicted of a waveform.
        decoder: Predicts each target from those before it.
    """

    target: Target
    decoder: Decoder

    def adapt(self, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns conditioning (B, C, M) as the decoder gets it for speakers (B,)."""
        return conditioning

    def conditioning(
        self, codes: Sequence[Mapping[str, Tensor]] | None, num_samples: Sequence[int]
    ) -> Conditioning:
        """Returns what utterances are generated from.

        Args:
            codes: Codes or vectors of each utterance, by the name of the stream of codes; None for
                a model that has none.
            num_samples: Samples of each utterance.
        """
        raise NotImplementedError


class Autoencoder(CodeModel, GenerativeModel):
    """Reconstructs waveforms from codes: `encode`, then `decode`.

    Attributes:
        upsampling: From vectors to conditioning.
        alignment: How the four chains line up; its codes are those of the coarsest stream.
    """

    upsampling: Upsampling
    alignment: Alignment

    def combine(self, vectors: Mapping[str, Tensor]) -> Tensor:
        """Returns what the upsampling reads (B, D, N) of the vectors of all streams.

        Args:
            vectors: Vectors of each stream by its name, of the same hops.
        """
        (only,) = vectors.values()
        return only

    def predict(
        self,
        streams: Mapping[str, BottleneckOutput],
        vectors: Mapping[str, Tensor],
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
    ) -> ModelOutput:
        """Returns predictions of `plan.targets` from given vectors, whosever they are.

        Args:
            streams: What the bottlenecks returned for the windows; it goes into the output.
            vectors: Vectors (B, D, N) of each stream by its name.
            waveform: Slices (B, slice_length) int16.
            speaker: Rows (B,) of the speakers.
            plan: Where the parts of a window lie.
        """
        raise NotImplementedError

    def decode(self, codes: Any, speaker: str | Sequence[str | None] | None = None) -> Any:
        """Returns the waveform that is sampled from codes, see `decode_utterances`."""
        raise NotImplementedError
