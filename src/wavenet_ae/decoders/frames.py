"""What decoders of frames share: they read conditioning alone, and may predict frames ahead.

offset 0    frame t from the vectors around t           it is reconstructed
offset 1    frame t from the vectors up to t - 1        it is predicted
offset k    frame t from the vectors up to t - k
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from wavenet_ae.decoders.base import Decoder
from wavenet_ae.geometry import Chain, Down


class FrameDecoder(Decoder):
    """Predicts each frame from conditioning vectors and the speaker, and from no past frame.

    Args:
        name: Option of the decoder, for errors.
        conditioning_dim: Channels C of the conditioning.
        num_speakers: Rows of the speaker embedding.
        num_channels: Values of a frame.
        conditioning_hop: Frames for which one conditioning vector is held.
        hidden: Channels of a vector that has been projected.
        kernels: Taps over successive vectors, of each layer.
        offset: Frames from the last vector that may be read, at least 0; at 0 the vectors on both
            sides of the frame are read.

    Raises:
        ValueError: The target is no frame, there is no conditioning, or vectors on both sides would
            be read by an even number of taps.
    """

    reads_past: ClassVar[bool] = False

    def __init__(
        self,
        name: str,
        conditioning_dim: int,
        num_speakers: int,
        num_channels: int | None,
        conditioning_hop: int,
        hidden: int,
        kernels: tuple[int, ...],
        offset: int,
    ) -> None:
        super().__init__()
        if num_channels is None:
            raise ValueError(
                f"decoder={name} predicts frames, but the target is a sample: set target=log_mel "
                "or discretized_mel, or decoder=wavenet"
            )
        if not conditioning_dim:
            raise ValueError(
                f"decoder={name} reads nothing but conditioning, and this model has none: set "
                "model=spectrogram, or decoder=wavenet"
            )
        layers = (Down(kernel, anchor="last", name="frames") for kernel in kernels)
        self.chain = Chain((Down(1, anchor="last", name="conditioning"), *layers))
        both_sides, odd = divmod(self.chain.receptive_field - 1, 2)
        if offset == 0 and odd:
            raise ValueError(
                f"decoder.kernels are {list(kernels)}, which together read "
                f"{self.chain.receptive_field} vectors, but offset=0 needs as many on both sides: "
                "choose odd kernels"
            )
        self.delay = offset or -both_sides
        self.conditioning_hop = conditioning_hop
        self.conditioning = nn.Linear(conditioning_dim, hidden)
        self.speakers = nn.Embedding(num_speakers, hidden)
        nn.init.normal_(self.speakers.weight, std=0.3)

    def parameters_of(self, vectors: Tensor) -> Tensor:
        """Returns parameters (B, P, W) of projected vectors (B, H, W + reach - 1)."""
        raise NotImplementedError

    def forward(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> Tensor:
        vectors = self.project(conditioning, speaker)  # (M, B, H)
        held = vectors.repeat_interleave(self.conditioning_hop, dim=0)  # (M * hop, B, H)
        return self.parameters_of(held.permute(1, 2, 0))

    def project(self, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns vectors (M, B, H) of conditioning (B, C, M) and speakers (B,)."""
        return self.conditioning(conditioning.permute(2, 0, 1)) + self.speakers(speaker)

    def prime(self, past: Tensor, conditioning: Tensor, speaker: Tensor) -> Tensor:
        """Returns the vectors (B, H, reach - 1) before the first that `step` is given."""
        vectors = self.project(conditioning, speaker).permute(1, 2, 0)  # (B, H, M)
        held = vectors.repeat_interleave(self.conditioning_hop, dim=2)
        return held[..., : self.chain.receptive_field - 1]

    def step(self, newest: Tensor, conditioning: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        vectors = torch.cat([state, conditioning[..., None]], dim=2)  # (B, H, reach)
        return self.parameters_of(vectors)[..., 0], vectors[..., 1:]
