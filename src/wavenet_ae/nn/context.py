"""Context networks: a summary of the past at each code (van den Oord et al. 2018, sec. 2.2).

Both kinds read latents at and before a code, never after it:

    latents    z0  z1  z2  z3  z4  z5 ...
    GRU        c0  c1  c2  c3  c4  c5         c3 has read z0 .. z3, all there is
    causal             c2  c3  c4  c5         c3 has read z1 .. z3, its receptive field
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from wavenet_ae.geometry import Chain, causal_chain
from wavenet_ae.schema import Positive, Width


class Context(nn.Module):
    """Base class of context networks: latents `(B, C, M)` to context `(B, dim, N)`.

    Attributes:
        dim: Channels of the context.
        chain: Geometry from latents to context, each output anchored at the last latent it reads.
        has_fixed_context: Whether an output is a function of its receptive field alone, so that a
            window gives what the whole utterance gives.  Where it is not, an utterance is read from
            its beginning, and the state goes from piece to piece.
    """

    dim: int
    chain: Chain
    has_fixed_context: ClassVar[bool] = True

    def forward(self, latents: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Returns the context of latents, and the state after them.

        Args:
            latents: `(B, C, M)`.
            state: State after the latents before; None at the beginning.
        """
        raise NotImplementedError


class GRUContext(Context):
    """Gated recurrent units (Cho et al. 2014), as in van den Oord et al. 2018 (arXiv 1807.03748).

    A context depends on all latents since the beginning: of the utterance in evaluation, of the
    window in training.

    Args:
        input_dim: Channels of the latents.
        dim: Channels of the context.
        num_layers: Layers of units.
    """

    has_fixed_context: ClassVar[bool] = False

    def __init__(self, input_dim: int, dim: Width = 256, num_layers: Positive = 1) -> None:
        super().__init__()
        self.dim, self.chain = dim, Chain()
        self.gru = nn.GRU(input_dim, dim, num_layers, batch_first=True)

    def forward(self, latents: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Returns context `(B, dim, M)` and the state `(num_layers, B, dim)` after the latents."""
        hidden, state = self.gru(latents.transpose(1, 2), state)  # (B, M, dim)
        return hidden.transpose(1, 2), state


class CausalContext(Context):
    """Dilated causal convolutions without padding, each with a residual connection.

    Args:
        input_dim: Channels of the latents.
        dim: Channels of the context.
        kernel: Filter length of every layer.
        dilations: Dilation of each layer.
    """

    def __init__(
        self,
        input_dim: int,
        dim: Width = 256,
        kernel: Width = 3,
        dilations: Sequence[Positive] = (1, 2, 4),
    ) -> None:
        super().__init__()
        self.dim, self.chain = dim, causal_chain(dilations, kernel)
        self.input = nn.Conv1d(input_dim, dim, 1)
        self.layers = nn.ModuleList(
            nn.Conv1d(dim, dim, kernel, dilation=dilation) for dilation in dilations
        )

    def forward(self, latents: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Returns context `(B, dim, N)`, N smaller than M by what the filters reach back, and no
        state."""
        hidden = self.input(latents)
        for layer in self.layers:
            change = layer(F.gelu(hidden))
            hidden = hidden[..., hidden.shape[-1] - change.shape[-1] :] + change  # the last inputs
        return hidden, None
