"""A small model with two streams of codes, after a hierarchical VQ-VAE (Razavi et al. 2019).

waveform -> encoder -> latents --------------> bottom: a code for each latent
                          |                                           | vectors
                          +-- two to one ----> top: a code for two    |
                                               | each vector twice    |
                                               +-----> sum <----------+
                                                        |
                                             upsampling, then the decoder
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from helpers.configs import small
from helpers.small_models import SPEAKERS
from wavenet_ae.alignment import Alignment, WindowPlan, targets_in
from wavenet_ae.bottlenecks import VQVAEEMA, Bottleneck
from wavenet_ae.checkpoint import FORMAT, SECTION, write_checkpoint
from wavenet_ae.decoders import Decoder
from wavenet_ae.encoders import Encoder
from wavenet_ae.geometry import Chain, Down, Up
from wavenet_ae.models import Autoencoder, CodeStream, build
from wavenet_ae.models.code_streams import Encoded
from wavenet_ae.models.conditioning import CodeConditioning
from wavenet_ae.models.decoding import decode_utterances
from wavenet_ae.models.roles import Conditioning
from wavenet_ae.models.smoothed_codes import encode_recordings
from wavenet_ae.nn.conditioning import Upsampling, jitter
from wavenet_ae.runs import RunFolder
from wavenet_ae.targets import Target
from wavenet_ae.types import BottleneckOutput, ModelOutput, Step

TARGET = "helpers.two_streams.TwoStreams"
PLUGIN = ("helpers.",)  # what `wavenet_ae.instantiate.plugin_packages` returns where it is one
JITTER = 0.12


class TwoStreams(Autoencoder):
    """Reconstructs waveforms from codes at two rates.

    Args:
        sample_rate: Samples a second.
        speakers: Names of the speakers.
        encoder: From the waveform to latents.
        bottleneck: Bottleneck of the bottom stream.
        upsampling: From vectors to conditioning.
        target: What is predicted.
        decoder: Predicts it.
        top_codebook_size: Codes of the top stream.
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
        top_codebook_size: int = 4,
    ) -> None:
        super().__init__(sample_rate, speakers)
        self.encoder, self.bottleneck = encoder, bottleneck
        self.two_to_one = nn.Conv1d(encoder.dim, encoder.dim, 2, stride=2)
        self.top = VQVAEEMA(
            *(encoder.dim, bottleneck.dim, top_codebook_size),
            init="uniform",
            normalize=True,
            start_after=getattr(bottleneck, "start_after", 0),
        )
        self.upsampling, self.target, self.decoder = upsampling, target, decoder
        repeated = Chain((Up(2, 2, name="repeated"), *upsampling.chain.layers))
        self.alignment = Alignment(self.code_chain, repeated, decoder.chain, target.chain)

    @property
    def code_chain(self) -> Chain:
        return self.encoder.chain + Chain((Down(2, 2, name="two to one"),))

    @property
    def code_streams(self) -> tuple[CodeStream, ...]:
        return (
            CodeStream("top", self.top, self.code_chain),
            CodeStream("bottom", self.bottleneck, self.encoder.chain, codes_per_hop=2),
        )

    def encode_hops(
        self, waveform: Tensor, state: Tensor | None = None, feature_mean: Tensor | None = None
    ) -> tuple[dict[str, Encoded], Tensor | None]:
        latents = self.encoder(waveform, feature_mean)
        pairs = self.two_to_one(latents)
        return {
            "top": Encoded(pairs, self.top(pairs)),
            "bottom": Encoded(latents, self.bottleneck(latents)),
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
        latents = self.encoder(samples, feature_mean, self.input_randomness(step))
        steps = {} if step is None else step.streams
        streams = {
            "top": self.top(self.two_to_one(latents), steps.get("top")),
            "bottom": self.bottleneck(latents, steps.get("bottom")),
        }
        vectors = {name: each.vectors for name, each in streams.items()}
        for name, own in steps.items():
            vectors[name] = jitter(vectors[name], own.jitter, JITTER)
        return self.predict(streams, vectors, waveform, self.drop_speakers(speaker, step), plan)

    def combine(self, vectors: Mapping[str, Tensor]) -> Tensor:
        return vectors["top"].repeat_interleave(2, dim=2) + vectors["bottom"]

    def predict(
        self,
        streams: Mapping[str, BottleneckOutput],
        vectors: Mapping[str, Tensor],
        waveform: Tensor,
        speaker: Tensor,
        plan: WindowPlan,
    ) -> ModelOutput:
        targets = self.target(waveform[:, plan.target_input])
        conditioning = self.upsampling(self.combine(vectors))[..., : plan.num_vectors]
        output = self.decoder.predict(targets, conditioning, speaker, plan)
        return replace(output, streams=streams)

    def window(self, num_samples: int) -> WindowPlan:
        return self.alignment.window(targets_in(num_samples, self.alignment.target_hop))

    def conditioning(
        self, codes: Sequence[Mapping[str, Tensor]] | None, num_samples: Sequence[int]
    ) -> Conditioning:
        assert codes is not None
        conditioning = CodeConditioning(self, codes)
        conditioning.num_samples = list(num_samples)
        return conditioning

    def encode(self, waveform: Any, rate: int, smoothing: float = 0.0) -> Any:
        return encode_recordings(self, waveform, rate, smoothing)

    def decode(self, codes: Any, speaker: Any = None, **settings: Any) -> Any:
        return decode_utterances(self, codes, speaker, **settings)


def two_streams(bottleneck: str = "vqvae_ema", encoder: str = "mfcc") -> dict[str, Any]:
    """A small configuration of the model."""
    config = small(bottleneck, encoder)
    config["model"]["_target_"] = TARGET
    return config


def built(bottleneck: str = "vqvae_ema", encoder: str = "mfcc") -> TwoStreams:
    """The model with random weights, which quantizes."""
    torch.manual_seed(0)
    model = build(two_streams(bottleneck, encoder), SPEAKERS).eval()
    assert isinstance(model, TwoStreams)
    for stream in model.code_streams:
        if stream.bottleneck.codebook_size:
            stream.bottleneck.is_quantizing.fill_(True)
    return model


def checkpoint(folder: Path, bottleneck: str = "vqvae_ema") -> Path:
    """A checkpoint of the model with random weights."""
    weights = {f"model.{name}": value for name, value in built(bottleneck).state_dict().items()}
    config = two_streams(bottleneck)
    section = {"format": FORMAT, "config": config, "speakers": list(SPEAKERS)}
    path = RunFolder(folder / "run").checkpoints / f"two-{bottleneck}.ckpt"
    write_checkpoint({"state_dict": weights, SECTION: section}, path)
    return path
