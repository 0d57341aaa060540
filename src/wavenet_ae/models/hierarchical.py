"""A causal VQ-VAE-2 of frames (Razavi et al. 2019, arXiv 1906.00446): two streams of codes.

    waveform -> encoder -> latents ------------------> joined -> bottom codes
                              |                          ^            |
                              v                          |            v
                         top encoder -> top codes -> top decoder     sum -> upsampling -> decoder
                                            |                         ^
                                            +------ held, doubled ----+

The top stream has half the bands of frequency of the bottom one, and every `top_stride`-th instant.
Its codes are decoded, and the bottom codes are chosen by what they say together with the latents: a
bottom code can leave out what the top code of its instant has said.  Nothing reads an instant that
comes later: a top code is held until the next one is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.decoders import Decoder
from wavenet_ae.encoders import Encoder
from wavenet_ae.geometry import Chain, Down, Up
from wavenet_ae.models.aligned import AlignedAutoencoder
from wavenet_ae.models.code_streams import CodeStream, Encoded
from wavenet_ae.models.held_codes import JoinedWithHeld
from wavenet_ae.nn.causal_2d import CausalStack2d, double_bands
from wavenet_ae.nn.conditioning import Upsampling, jitter
from wavenet_ae.schema import Fraction01, NonNegative, Width
from wavenet_ae.targets import Target
from wavenet_ae.types import ModelOutput, Step

TOP, BOTTOM = "top", "bottom"


class HierarchicalAutoencoder(AlignedAutoencoder):
    """Reconstructs frames from a coarse and a fine stream of codes, `top` and `bottom`.

    Args:
        sample_rate: Samples a second.
        speakers: Names of the speakers, in the order of their rows; one more row is the unknown
            speaker's.
        encoder: From the waveform to latents, causally.
        bottleneck: Of the bottom stream, with a code for each band of the encoder's latents.
        upsampling: From vectors to conditioning.
        target: What is predicted.
        decoder: Predicts it.
        top: Bottleneck of the top stream, with a code for each two of these bands.
        top_kernel: Instants that each layer of the top encoder reads.
        top_stride: Instants of the bottom stream for one of the top stream.
        top_blocks: Residual blocks of the top encoder.
        jitter_probability: Probability of a vector being replaced by a neighbor, in training.
        unknown_speaker_probability: Share of training items whose speaker is made unknown.

    Raises:
        ValueError: The encoder looks ahead, a stride is longer than its kernel, or the parts do not
            fit together.
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
        top: Bottleneck | None = None,
        top_kernel: Width = 3,
        top_stride: Width = 2,
        top_blocks: NonNegative = 2,
        jitter_probability: Fraction01 = 0.0,
        unknown_speaker_probability: Fraction01 = 0.05,
    ) -> None:
        super().__init__(sample_rate, speakers, unknown_speaker_probability)
        assert top is not None, "models.build makes one"
        _require_causal(encoder)
        if top_stride > top_kernel:
            raise ValueError(
                f"model.top_stride is {top_stride}, but model.top_kernel {top_kernel}: no top code "
                f"would read {top_stride - top_kernel} of {top_stride} latents; set "
                f"model.top_kernel={top_stride}"
            )
        self.encoder, self.bottleneck, self.top = encoder, bottleneck, top
        self.top_stride, self.jitter_probability = top_stride, jitter_probability
        channels, bands = encoder.dim // encoder.num_bands, encoder.num_bands
        halvings = int(bands > 1)
        self.top_encoder = CausalStack2d(
            channels, channels, bands, halvings, top_kernel, top_stride, top_blocks
        )
        top_dim = top.dim // self.top_encoder.num_bands
        self.top_decoder = _as_fine(top_dim, channels, bands)
        self.join = nn.Conv2d(2 * channels, channels, 1)
        self.top_vectors = _as_fine(top_dim, bottleneck.dim // bands, bands)
        self.upsampling, self.target, self.decoder = upsampling, target, decoder
        self.bottom_chain = encoder.chain + Chain((JoinedWithHeld(self.top_encoder.chain),))
        bottom_codes = Up(top_stride, top_stride, name="bottom codes of a hop")
        self.align(Chain((bottom_codes,)), reading=self.bottom_chain)

    @property
    def code_chain(self) -> Chain:
        """Geometry from samples to hops, each with the bottom codes beside one top code."""
        hop = Down(self.top_stride, self.top_stride, name="hop")
        return self.bottom_chain + Chain((hop,))

    @property
    def code_streams(self) -> tuple[CodeStream, ...]:
        top_chain = self.encoder.chain + self.top_encoder.chain
        return (
            CodeStream(TOP, self.top, top_chain),
            CodeStream(BOTTOM, self.bottleneck, self.bottom_chain, codes_per_hop=self.top_stride),
        )

    def forward(
        self,
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
        step: Step | None = None,
        feature_mean: Tensor | None = None,
    ) -> ModelOutput:
        samples = self.normalize(waveform[:, plan.encoder_input])
        latents = self.encoder(samples, feature_mean, self.input_randomness(step))
        steps = {} if step is None else step.streams
        streams = {name: each.output for name, each in self._quantize(latents, steps).items()}
        vectors = {name: each.vectors for name, each in streams.items()}
        for name, own in steps.items():
            vectors[name] = jitter(vectors[name], own.jitter, self.jitter_probability)
        return self.predict(streams, vectors, waveform, self.drop_speakers(speaker, step), plan)

    def encode_hops(
        self, waveform: Tensor, state: Tensor | None = None, feature_mean: Tensor | None = None
    ) -> tuple[dict[str, Encoded], Tensor | None]:
        return self._quantize(self.encoder(waveform, feature_mean), {}), None

    def _quantize(self, latents: Tensor, steps: Mapping[str, Step]) -> dict[str, Encoded]:
        """Returns what the streams are made of and their codes, for latents (B, C * P, L).

        Args:
            latents: The encoder's, of whole hops.
            steps: In training, the step of each stream.
        """
        maps = latents.unflatten(1, (-1, self.encoder.num_bands))  # (B, C, P, L)
        coarse = self.top_encoder(maps).flatten(1, 2)  # (B, C * P / 2, N)
        top = self.top(coarse, steps.get(TOP) if self.top.training else None)
        said = F.relu(self.top_decoder(self._top_maps(top.vectors)))  # (B, C, P, N * stride)
        first = self.top_encoder.chain.input_length(1) - 1  # latent at which the first top code is
        own = maps[..., first : first + said.shape[-1]]
        fine = self.join(torch.cat([own, said], dim=1)).flatten(1, 2)  # (B, C * P, N * stride)
        bottom = self.bottleneck(fine, steps.get(BOTTOM) if self.bottleneck.training else None)
        return {TOP: Encoded(coarse, top), BOTTOM: Encoded(fine, bottom)}

    def _top_maps(self, vectors: Tensor) -> Tensor:
        """Returns top vectors (B, D * P', N) as maps (B, D, P', N * stride), each held."""
        maps = vectors.unflatten(1, (-1, self.top_encoder.num_bands))
        return maps.repeat_interleave(self.top_stride, dim=3)

    def combine(self, vectors: Mapping[str, Tensor]) -> Tensor:
        """Returns the sum (B, D * P, N * stride) of bottom vectors and top ones of their size.

        A linear layer follows, for which that is as good as both side by side in the paper.
        """
        return vectors[BOTTOM] + self.top_vectors(self._top_maps(vectors[TOP])).flatten(1, 2)


def _as_fine(input_dim: int, dim: int, num_bands: int) -> nn.Module:
    """Returns a layer from top maps (B, input_dim, P / 2, N) to (B, dim, P, N); P may be 1."""
    return double_bands(input_dim, dim) if num_bands > 1 else nn.Conv2d(input_dim, dim, 1)


def _require_causal(encoder: Encoder) -> None:
    """Raises ValueError that names the part of an encoder by which codes would look ahead."""
    after_frames = encoder.chain.layers[1:]  # the first layer makes frames
    parts = [f"its layer {each.name}" for each in after_frames if Chain((each,)).lookahead > 0]
    if encoder.sees_whole_window:
        parts.append("its last layers, which read the whole window")
    if encoder.features.needs_mean:
        parts.append(f"features.normalization={encoder.features.normalization}")
    if parts:
        raise ValueError(
            f"model=hierarchical looks at no later frame, but {type(encoder).__name__} does, by "
            f"{parts[0]}: set encoder=causal_2d or causal"
        )
