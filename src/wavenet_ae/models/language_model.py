"""WaveNet as a language model of waveforms (van den Oord et al. 2016, arXiv 1609.03499)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from torch import Tensor

from wavenet_ae.alignment import WindowPlan, decoder_window, targets_in
from wavenet_ae.decoders import Decoder
from wavenet_ae.models.conditioning import NoConditioning
from wavenet_ae.models.roles import Conditioning, GenerativeModel
from wavenet_ae.schema import Fraction01
from wavenet_ae.targets import Target
from wavenet_ae.types import ModelOutput, Step


class WaveNetLanguageModel(GenerativeModel):
    """Predicts each target from past targets and the speaker: no encoder, no codes.

    Args:
        sample_rate: Samples a second.
        speakers: Names of the speakers, in the order of their rows; one more row is the unknown
            speaker's.
        target: What is predicted.
        decoder: Predicts it.
        speaker_conditioning: Whether the speaker is given; where not, all are the unknown speaker.
        unknown_speaker_probability: Share of training items whose speaker is made unknown.
    """

    def __init__(
        self,
        sample_rate: int,
        speakers: Sequence[str],
        target: Target,
        decoder: Decoder,
        speaker_conditioning: bool = True,
        unknown_speaker_probability: Fraction01 = 0.05,
    ) -> None:
        super().__init__(sample_rate, speakers, unknown_speaker_probability)
        self.target = target
        self.decoder = decoder
        self.speaker_conditioning = speaker_conditioning

    def forward(
        self,
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
        step: Step | None = None,
        feature_mean: Tensor | None = None,
    ) -> ModelOutput:
        targets = self.target(waveform[:, plan.target_input])
        nothing = waveform.new_empty(len(waveform), 0, plan.num_vectors, dtype=self.dtype)
        return self.decoder.predict(targets, nothing, self.drop_speakers(speaker, step), plan)

    def drop_speakers(self, speaker: Tensor, step: Step | None) -> Tensor:
        if not self.speaker_conditioning:
            return speaker.new_full(speaker.shape, self.unknown_speaker)
        return super().drop_speakers(speaker, step)

    def window(self, num_samples: int) -> WindowPlan:
        chain, hop = self.decoder.chain, self.decoder.conditioning_hop
        return decoder_window(chain, targets_in(num_samples, int(self.hop)), hop, self.target.chain)

    @property
    def hop(self) -> Fraction:
        """Samples from one target to the next."""
        return self.target.chain.grid().spacing

    def conditioning(
        self, codes: Sequence[Mapping[str, Tensor]] | None, num_samples: Sequence[int]
    ) -> Conditioning:
        if codes is not None:
            raise ValueError("a language model is conditioned on no codes, but some are given")
        return NoConditioning(self, list(num_samples))
