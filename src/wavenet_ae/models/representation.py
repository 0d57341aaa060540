"""A representation of speech that is learned without a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor

from wavenet_ae.alignment import WindowPlan, encoder_window, targets_in
from wavenet_ae.audio.waveforms import Waveform
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.encoders import Encoder
from wavenet_ae.geometry import Chain
from wavenet_ae.models.roles import OneStream
from wavenet_ae.models.smoothed_codes import encode_recordings
from wavenet_ae.nn.context import Context
from wavenet_ae.stream_names import ONLY_STREAM
from wavenet_ae.types import InputRandomness, ModelOutput, Step


class Representation(OneStream):
    """An encoder, optionally a context network, and a bottleneck: it encodes and predicts nothing.

    It is trained by objectives that read latents and context, such as contrastive prediction.  The
    latents that only the first context of a window needs are left out of its output, so that
    latents and context have the same instants.

    Args:
        sample_rate: Samples a second.
        speakers: Names of the speakers in training.
        encoder: From the waveform to latents.
        bottleneck: To codes and vectors.
        context: From latents to context; None for a model without.
        code_of: What the bottleneck reads, `latents` or `context`; None is the context where there
            is one.

    Raises:
        ValueError: The bottleneck is to read a context that the model does not have.
    """

    speaker_conditioning = False

    def __init__(
        self,
        sample_rate: int,
        speakers: Sequence[str],
        encoder: Encoder,
        bottleneck: Bottleneck,
        context: Context | None = None,
        code_of: Literal["latents", "context"] | None = None,
    ) -> None:
        super().__init__(sample_rate, speakers)
        if code_of == "context" and context is None:
            raise ValueError("model.code_of is context, but model.context is null: set one of them")
        self.encoder = encoder
        self.context = context
        self.bottleneck = bottleneck
        self.reads_context = context is not None and code_of != "latents"

    def forward(
        self,
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
        step: Step | None = None,
        feature_mean: Tensor | None = None,
    ) -> ModelOutput:
        samples = self.normalize(waveform[:, plan.encoder_input])
        random = self.input_randomness(step)
        latents, masked = self.encoder(samples, feature_mean, random), None
        if (is_masked := self.encoder.masked_latents(samples.shape[1], random)) is not None:
            masked = is_masked[:, is_masked.shape[1] - plan.num_codes :]
        latents, context, _ = self._with_context(latents, None)
        read = context if self.reads_context else latents
        assert read is not None
        own_step = step if self.bottleneck.training else None  # a frozen one takes no step
        bottleneck = self.bottleneck(read, own_step)
        streams = {ONLY_STREAM: bottleneck}
        return ModelOutput(streams=streams, latents=latents, context=context, masked=masked)

    def embed(
        self,
        waveform: Tensor,
        state: Tensor | None = None,
        feature_mean: Tensor | None = None,
        random: InputRandomness | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        latents = self.encoder(waveform, feature_mean, random)
        if not self.reads_context:
            return latents, None
        _, context, state = self._with_context(latents, state)
        assert context is not None
        return context, state

    def _with_context(
        self, latents: Tensor, state: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Latents (B, C, N) and context (B, C', N) at the same instants, and the state."""
        if self.context is None:
            return latents, None, None
        context, state = self.context(latents, state)
        return latents[..., latents.shape[-1] - context.shape[-1] :], context, state

    @property
    def context_dim(self) -> int:
        return self.context.dim if self.context else self.encoder.dim

    @property
    def code_has_fixed_context(self) -> bool:
        if self.encoder.sees_whole_window:
            return False
        return self.context is None or not self.reads_context or self.context.has_fixed_context

    @property
    def code_chain(self) -> Chain:
        return self.window_chain if self.reads_context else self.encoder.chain

    @property
    def window_chain(self) -> Chain:
        return self.encoder.chain + self.context.chain if self.context else self.encoder.chain

    def window(self, num_samples: int) -> WindowPlan:
        return encoder_window(self.window_chain, targets_in(num_samples, int(self.hop)))

    def encode(
        self, waveform: Waveform | Sequence[Waveform], rate: int, smoothing: float = 0.0
    ) -> Any:
        return encode_recordings(self, waveform, rate, smoothing)
