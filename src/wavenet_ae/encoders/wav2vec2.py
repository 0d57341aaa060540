"""Encoders of torchaudio that were pretrained without labels: wav2vec 2.0, HuBERT and WavLM.

Baevski et al. 2020 (arXiv 2006.11477), Hsu et al. 2021 (arXiv 2106.07447), Chen et al. 2022 (arXiv
2110.13900). All are valid convolutions on the waveform, which give a frame every 20 ms, and then
transformer layers over all frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.audio.features import Waveform
from wavenet_ae.encoders.base import Encoder
from wavenet_ae.errors import UserError, nearest
from wavenet_ae.geometry import Chain, Down
from wavenet_ae.schema import Positive
from wavenet_ae.types import InputRandomness

SAMPLE_RATE = 16_000  # Hz, of the speech on which all were trained
# Kernel and stride of each convolution: 400 samples give the first frame, 320 each further one.
CONVOLUTIONS = ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2))


@dataclass(frozen=True)
class Architecture:
    """Sizes of a model of torchaudio with pretrained weights.

    Attributes:
        make: torchaudio's constructor.
        dim: Channels of the transformer.
        num_heads: Attention heads.
        num_layers: Transformer layers.
        feed_forward: Channels inside a feed-forward block.
        frame_dim: Channels of the convolutions.
        position_kernel: Frames that the positional convolution reads.
        options: Further arguments of the constructor.
    """

    make: Callable[..., Any]
    dim: int = 768
    num_heads: int = 12
    num_layers: int = 12
    feed_forward: int = 3072
    frame_dim: int = 512
    position_kernel: int = 128
    options: tuple[tuple[str, Any], ...] = ()

    def build(self, num_layers: int) -> Any:
        """Returns the model with its first transformer layers, randomly initialized."""
        return self.make(
            extractor_mode="group_norm",
            extractor_conv_layer_config=[(self.frame_dim, *each) for each in CONVOLUTIONS],
            extractor_conv_bias=False,
            encoder_embed_dim=self.dim,
            encoder_projection_dropout=0.0,
            encoder_pos_conv_kernel=self.position_kernel,
            encoder_pos_conv_groups=16,
            encoder_num_layers=num_layers,
            encoder_num_heads=self.num_heads,
            encoder_attention_dropout=0.0,
            encoder_ff_interm_features=self.feed_forward,
            encoder_ff_interm_dropout=0.0,
            encoder_dropout=0.0,
            encoder_layer_norm_first=False,
            encoder_layer_drop=0.0,
            aux_num_out=None,
            **dict(self.options),
        )


_WAV2VEC2 = Architecture(torchaudio.models.wav2vec2_model)
_WAVLM = Architecture(
    torchaudio.models.wavlm_model,
    options=(("encoder_num_buckets", 320), ("encoder_max_distance", 800)),
)
# By the names of torchaudio.pipelines. Larger models also normalize the waveform.
ARCHITECTURES = {
    "HUBERT_BASE": _WAV2VEC2,
    "WAV2VEC2_BASE": _WAV2VEC2,
    "WAVLM_BASE": _WAVLM,
    "WAVLM_BASE_PLUS": _WAVLM,
}
# Raised without internet and on a full disk; then, by files that are damaged or hold other things.
FAILURES = (OSError, HTTPException, RuntimeError, EOFError, UnpicklingError)


class Wav2Vec2Encoder(Encoder):
    """Output of a transformer layer of a pretrained model: `(B, T)` at 16 kHz to `(B, dim, N)`.

    `chain` is the geometry of the convolutions: how many latents there are, and where each stands.
    It does not bound what a latent depends on. The transformer, the positional convolution and the
    group normalization after the first convolution read the whole window. A latent therefore
    differs from window to window, and from that of the whole recording, of which `encode` passes
    1000 latents (20 s) at a time.

    A new run downloads the weights once, when it starts, or finds them in the cache of torch.hub.
    From then on the run's own checkpoints hold them. Layers above `layer` are left out. Dropout and
    layer drop are off, also where the weights are tuned.

    Args:
        sample_rate: Rate of the waveform in Hz, which must be 16000.
        bundle: Name of the weights in `torchaudio.pipelines`.
        layer: Transformer layer whose output is returned, from 1.
        tuned: Whether the weights are trained further.

    Raises:
        ValueError: If the sample rate is another, there is no such bundle, or it has no such layer.
    """

    sees_whole_window = True
    weights_from = ("bundle", "layer")

    def __init__(
        self,
        sample_rate: int,
        bundle: str = "HUBERT_BASE",
        layer: Positive = 6,
        tuned: bool = False,
    ) -> None:
        super().__init__()
        if bundle not in ARCHITECTURES:
            raise ValueError(
                f"encoder.bundle is {bundle!r}, which is not a model that this encoder knows."
                f"{nearest(bundle, ARCHITECTURES)}"
            )
        architecture = ARCHITECTURES[bundle]
        if layer > architecture.num_layers:
            raise ValueError(
                f"encoder.layer is {layer}, but {bundle} has {architecture.num_layers} layers"
            )
        if sample_rate != SAMPLE_RATE:
            raise ValueError(
                f"sample_rate is {sample_rate}, but {bundle} was trained on speech at "
                f"{SAMPLE_RATE} Hz: set sample_rate={SAMPLE_RATE}"
            )
        self.bundle, self.tuned = bundle, tuned
        self.features = Waveform()
        self.dim = architecture.dim
        self.chain = Chain(tuple(Down(k, s, name="encoder") for k, s in CONVOLUTIONS))
        self.model: Any = architecture.build(layer).requires_grad_(tuned)
        # It belongs to the output of the last layer only, and would never get a gradient.
        self.model.encoder.transformer.layer_norm.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Wav2Vec2Encoder:
        """Sets the mode; the model itself stays in evaluation mode."""
        super().train(mode)
        self.model.eval()
        return self

    def forward(
        self,
        waveform: Tensor,
        feature_mean: Tensor | None = None,
        random: InputRandomness | None = None,
    ) -> Tensor:
        """Returns latents `(B, dim, N)` of a waveform `(B, T)` in [-1, 1] at 16 kHz."""
        has_gradient = self.tuned or waveform.requires_grad
        with torch.set_grad_enabled(torch.is_grad_enabled() and has_gradient):
            layers, _ = self.model.extract_features(waveform)  # each (B, N, dim)
        return layers[-1].transpose(1, 2)

    def fit(self, waveforms: Any, feature_means: Any = None) -> None:
        """Leaves the waveform as it is: the models were trained on samples in [-1, 1]."""

    def load_pretrained(self) -> None:
        """Downloads the weights, or reads them from the cache of torch.hub.

        Raises:
            UserError: If they cannot be downloaded or read.
        """
        try:
            pretrained = getattr(torchaudio.pipelines, self.bundle).get_model(
                dl_kwargs={"weights_only": True}
            )
        except FAILURES as error:
            reason = str(error).split("\n")[0]
            raise UserError(
                f"the weights of encoder.bundle={self.bundle} cannot be loaded "
                f"({type(error).__name__}: {reason}). Without internet, run `python -c 'import "
                f"torchaudio; torchaudio.pipelines.{self.bundle}.get_model()'` on a machine that "
                f"has it, and copy the file from its cache to {torch.hub.get_dir()}/checkpoints; a "
                "damaged file there must be removed"
            ) from error
        self.load_weights(pretrained.state_dict())

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Takes the weights of the layers that this encoder has from those of a whole model."""
        own = self.model.state_dict()
        self.model.load_state_dict({name: weights[name] for name in own})
