"""WaveNet as a language model of waveforms (van den Oord et al. 2016, arXiv 1609.03499)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from torch import Tensor

from wavenet_ae.alignment import WindowPlan, decoder_window
from wavenet_ae.decoders import WaveNet
from wavenet_ae.models.base import WaveformModel
from wavenet_ae.schema import Fraction01
from wavenet_ae.types import ModelOutput, Step


class WaveNetLanguageModel(WaveformModel):
    """Past samples, and the speaker, -> logits of each sample: no encoder, no codes.

    speaker_conditioning                where it is false, all speakers are the unknown speaker
    unknown_speaker_probability  of training an item as a speaker without a row
    """

    def __init__(
        self,
        sample_rate: int,
        speakers: Sequence[str],
        decoder: WaveNet,
        speaker_conditioning: bool = True,
        unknown_speaker_probability: Fraction01 = 0.05,
    ) -> None:
        super().__init__(sample_rate, speakers, decoder, unknown_speaker_probability)
        self.speaker_conditioning = speaker_conditioning

    def forward(
        self, waveform: Tensor, speaker: Tensor, plan: WindowPlan, step: Step | None = None
    ) -> ModelOutput:
        levels = self.quantize_waveform(waveform)  # (B, slice_length)
        nothing = self.decoder.embedding.new_empty(len(waveform), 0, plan.num_vectors)
        speaker = self.drop_speakers(speaker, step)
        logits = self.decoder(levels[:, plan.decoder_input], nothing, speaker)
        return ModelOutput(logits, levels[:, plan.targets])

    def drop_speakers(self, speaker: Tensor, step: Step | None) -> Tensor:
        if not self.speaker_conditioning:
            return speaker.new_full(speaker.shape, self.unknown_speaker)
        return super().drop_speakers(speaker, step)

    def window(self, num_targets: int) -> WindowPlan:
        return decoder_window(self.decoder.chain, num_targets, self.decoder.conditioning_hop)

    @property
    def hop(self) -> Fraction:
        return Fraction(1)
