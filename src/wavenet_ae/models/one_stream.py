"""Models with one stream of codes: an encoder, and one bottleneck."""

from __future__ import annotations

from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.models.code_streams import CodeStream, Encoded
from wavenet_ae.models.roles import CodeModel
from wavenet_ae.stream_names import ONLY_STREAM
from wavenet_ae.types import InputRandomness, Step


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
