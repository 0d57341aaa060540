"""An autoencoder whose decoder is given the pitch beside the units, as a stream of its own.

    waveform -> encoder -> bottleneck ------------> units |u0|u1|u2|u3|u4|u5|  added, upsampling,
             -> fundamental frequency, quantized -> pitch | p0  | p1  | p2  |  then the decoder

Units that are learned to predict phones leave the melody of speech out.  A pitch is not learned: it
is measured in a frame in the middle of each hop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2
from typing import Annotated

import torch
from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.audio.pitch import HIGHEST_HZ, LOWEST_HZ, frame_f0, frame_size
from wavenet_ae.bottlenecks import Bottleneck, PitchCodes
from wavenet_ae.decoders import Decoder
from wavenet_ae.encoders import Encoder
from wavenet_ae.geometry import Chain, Down, Middle, Up
from wavenet_ae.models.aligned import AlignedAutoencoder
from wavenet_ae.models.code_streams import CodeStream, Encoded
from wavenet_ae.nn.conditioning import Upsampling, jitter
from wavenet_ae.nn.normalization import SpeakerNorm
from wavenet_ae.schema import AtLeast, Fraction01, Width
from wavenet_ae.targets import Target
from wavenet_ae.types import ModelOutput, Step

UNITS, PITCH = "units", "pitch"
LEAST_AMPLITUDE = 0.001  # of full scale, in a frame that can be voiced


class PitchedAutoencoder(AlignedAutoencoder):
    """Reconstructs a waveform from units, the quantized pitch, past targets and the speaker.

    The pitch is that of the recording: a conversion into another voice keeps the height of the
    original one.

    Args:
        sample_rate: Samples a second.
        speakers: Names of the speakers, in the order of their rows; one more row is the unknown
            speaker's.
        encoder: From the waveform to latents.
        bottleneck: From latents to units.
        upsampling: From vectors to conditioning.
        target: What is predicted.
        decoder: Predicts it.
        pitch_codes: Codes of the pitch: unvoiced, and equal intervals from 75 to 500 Hz in octaves.
        pitch_hop: Units for each of which there is one code of the pitch.
        jitter_probability: Probability of a unit's vector being replaced by a neighbor, in
            training.
        unknown_speaker_probability: Share of training items whose speaker is made unknown.
        speaker_norm: Whether to normalize the conditioning by the decoder's speaker, see
            `SpeakerNorm`.

    Raises:
        ValueError: The encoder reads less of the waveform than a frame of the pitch.
    """

    def __init__(
        self,
        sample_rate: int,
        speakers: Sequence[str],
        encoder: Encoder,
        bottleneck: Bottleneck,
        upsampling: Upsampling,
        target: Target,
        decoder: Decoder,
        pitch_codes: Annotated[int, AtLeast(2)] = 32,
        pitch_hop: Width = 2,
        jitter_probability: Fraction01 = 0.12,
        unknown_speaker_probability: Fraction01 = 0.05,
        speaker_norm: bool = False,
    ) -> None:
        super().__init__(sample_rate, speakers, unknown_speaker_probability)
        self.encoder, self.bottleneck = encoder, bottleneck
        self.upsampling, self.target, self.decoder = upsampling, target, decoder
        self.jitter_probability, self.pitch_hop = jitter_probability, pitch_hop
        self.speaker_norm = SpeakerNorm(upsampling.dim, len(speakers) + 1) if speaker_norm else None
        self.pitch = PitchCodes(pitch_codes, bottleneck.dim, log2(HIGHEST_HZ / LOWEST_HZ))
        self.frame = self._frame()
        self.align(Chain((Up(pitch_hop, pitch_hop, name="units of a hop"),)))

    def _frame(self) -> Middle:
        """Returns the frame of the pitch, in the middle of what the units of a hop read."""
        chain, size = self.code_chain, frame_size(self.sample_rate)
        reads, hop = chain.receptive_field, chain.grid().spacing
        if reads < size or hop.denominator != 1:
            raise ValueError(
                f"model=pitched measures the pitch in {size} samples, of {reads} that "
                f"{self.pitch_hop} units read every {hop} samples: use an encoder that reads more, "
                "a larger model.pitch_hop, or strides that make a hop a whole number of samples"
            )
        return Middle(reads, int(hop), read=size + (reads - size) % 2, name="frame of the pitch")

    @property
    def code_chain(self) -> Chain:
        """Geometry from samples to hops, each with the units beside one code of the pitch."""
        return self.encoder.chain + Chain((Down(self.pitch_hop, self.pitch_hop, name="hop"),))

    @property
    def code_streams(self) -> tuple[CodeStream, ...]:
        return (
            CodeStream(PITCH, self.pitch, Chain((self.frame,))),
            CodeStream(UNITS, self.bottleneck, self.encoder.chain, codes_per_hop=self.pitch_hop),
        )

    @torch.no_grad()
    def octaves(self, waveform: Tensor) -> Tensor:
        """Returns the pitch of each hop in octaves above 75 Hz, (B, 1, N); -1 where unvoiced.

        Args:
            waveform: (B, T) in [-1, 1], the samples that `code_chain` reads for N hops. A NaN in a
                frame makes its pitch NaN.
        """
        frame = self.frame
        windows = waveform.unfold(1, frame.kernel, frame.stride)  # (B, N, kernel)
        frames = windows[..., frame.margin : frame.margin + frame.read].flatten(0, 1).float()
        hertz = frame_f0(frames, self.sample_rate)
        is_voiced = hertz.isfinite() & (frames.abs().amax(dim=1) >= LEAST_AMPLITUDE)
        octaves = torch.where(is_voiced, (hertz / LOWEST_HZ).log2().clamp_min(0), -1.0)
        octaves = octaves.masked_fill(frames.isnan().any(dim=1), torch.nan)
        return octaves.view(len(waveform), 1, -1).to(waveform.dtype)

    def encode_hops(
        self, waveform: Tensor, state: Tensor | None = None, feature_mean: Tensor | None = None
    ) -> tuple[dict[str, Encoded], Tensor | None]:
        octaves = self.octaves(waveform)
        latents = self.encoder(waveform, feature_mean)[..., : octaves.shape[-1] * self.pitch_hop]
        return {
            PITCH: Encoded(octaves, self.pitch(octaves)),
            UNITS: Encoded(latents, self.bottleneck(latents)),
        }, None

    def forward(
        self,
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
        step: Step | None = None,
        feature_mean: Tensor | None = None,
    ) -> ModelOutput:
        samples = self.normalize(waveform[:, plan.encoder_input])
        octaves = self.octaves(samples)
        latents = self.encoder(samples, feature_mean, self.input_randomness(step))
        latents = latents[..., : octaves.shape[-1] * self.pitch_hop]
        steps = {} if step is None else step.streams
        own = steps.get(UNITS) if self.bottleneck.training else None  # a frozen one takes no step
        streams = {PITCH: self.pitch(octaves), UNITS: self.bottleneck(latents, own)}
        vectors = {name: each.vectors for name, each in streams.items()}
        speaker = self.drop_speakers(speaker, step)
        if step is not None:
            copies = len(vectors[UNITS]) // len(waveform)  # L
            waveform = waveform.repeat_interleave(copies, dim=0)
            speaker = speaker.repeat_interleave(copies, dim=0)
            vectors[PITCH] = vectors[PITCH].repeat_interleave(copies, dim=0)
            uniform = steps[UNITS].jitter.repeat_interleave(copies, dim=0)
            vectors[UNITS] = jitter(vectors[UNITS], uniform, self.jitter_probability)
        return self.predict(streams, vectors, waveform, speaker, plan)

    def combine(self, vectors: Mapping[str, Tensor]) -> Tensor:
        """Returns the sum (B, D, N * pitch_hop) of the units' vectors and those of the pitch."""
        return vectors[UNITS] + vectors[PITCH].repeat_interleave(self.pitch_hop, dim=2)

    def adapt(self, conditioning: Tensor, speaker: Tensor) -> Tensor:
        if self.speaker_norm is None:
            return conditioning
        return self.speaker_norm(conditioning, speaker)  # type: ignore[no-any-return]
