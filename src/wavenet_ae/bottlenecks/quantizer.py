"""Quantization: what all bottlenecks with codes share."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from wavenet_ae.bottlenecks.base import Bottleneck, Projection
from wavenet_ae.distributed import broadcast_
from wavenet_ae.schema import NonNegative, Positive
from wavenet_ae.types import BottleneckOutput, Step

logger = logging.getLogger(__name__)


def perplexity(counts: Tensor) -> Tensor:
    """exp of the entropy of code usage: counts (..., K) -> (...) in [1, K]."""
    share = counts / counts.sum(dim=-1, keepdim=True)
    return torch.special.entr(share).sum(dim=-1).exp()


def code_counts(codes: Tensor, num_codebooks: int, codebook_size: int) -> Tensor:
    """(B, N) or (B, Q, N) -> (Q, K) int64: how often each code of each codebook occurs."""
    books = torch.arange(num_codebooks, device=codes.device)[:, None]  # (Q, 1)
    rows = codes.view(len(codes), num_codebooks, -1) + codebook_size * books  # (B, Q, N)
    counts = torch.bincount(rows.flatten(), minlength=num_codebooks * codebook_size)
    return counts.view(num_codebooks, codebook_size)


class Quantizer(Bottleneck):
    """Latents -> one of finitely many vectors, straight-through: (B, C, N) -> (B, dim, N).

    Members say which code a latent gets (`quantize`) and which vector a code stands for (`decode`).

    Loss `commitment`: |z - sg(e)|^2 per code (van den Oord et al. 2017, arXiv 1711.00937, eq. 3),
    `e` being the vector that the decoder gets.  Where gradients are to move the codebook, also the
    loss `codebook`: |sg(z) - e|^2 per code (second term of eq. 3).

    start_after  optimizer steps during which latents pass unquantized, for the encoder to settle
    normalize    standardize the latents, see Projection

    `num_initial_vectors` is not a setting: members derive it from theirs.  It is how many encoder
    outputs `begin_quantizing` places the codes from, 0 where they have a place.
    """

    codebook_size: int
    has_codebook_loss = False
    is_quantizing: Tensor

    def __init__(
        self,
        input_dim: int,
        dim: Positive,
        codebook_size: int,
        start_after: NonNegative,
        normalize: bool,
        num_initial_vectors: int = 0,
    ) -> None:
        super().__init__()
        if codebook_size < 2:
            raise ValueError(f"codebook_size is {codebook_size}, but must be at least 2")
        self.dim, self.codebook_size, self.start_after = dim, codebook_size, start_after
        self.num_initial_vectors = num_initial_vectors
        self.project = Projection(input_dim, dim, normalize)
        is_quantizing = not num_initial_vectors and not start_after
        self.register_buffer("is_quantizing", torch.tensor(is_quantizing))

    def quantize(self, z: Tensor) -> Tensor:
        """Codes (B, N) or (B, Q, N) of projected latents (B, D, N)."""
        raise NotImplementedError

    def initialize_codebook(self, vectors: Tensor, generator: torch.Generator) -> None:
        """Start the codebook from projected latents (V, D)."""

    def codebook_vectors(self) -> Tensor:
        """(K, D) what the codes stand for; of several codebooks, the first, which is the one that
        meets the latents."""
        codes = torch.arange(self.codebook_size, device=self.is_quantizing.device)
        return self.decode(codes[None])[0].t()

    def update_codebook(self, z: Tensor, codes: Tensor, step: Step) -> int:
        """Change the codebook after a training step that gave latents z (B, D, N) these codes;
        returns how many codes restarted."""
        return 0

    @torch.no_grad()
    def begin_quantizing(self, latents: Tensor, seed: int) -> None:
        """Begin to quantize, the codes placed from encoder outputs (B, C, N) where they need it."""
        if self.num_initial_vectors:
            z = self.project(latents, is_training=False)
            self.initialize_codebook(flatten_time(z), torch.Generator().manual_seed(seed))
        self.is_quantizing.fill_(True)
        for tensor in (*self.parameters(), *self.buffers()):
            broadcast_(tensor)
        logger.info("quantizing from here on: %d codes", self.codebook_size)

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        z = self.project(latents, is_training=step is not None)  # (B, D, N)
        with torch.autocast(z.device.type, enabled=False):
            latents = self.unquantized(z)
            if not self.is_quantizing:
                return BottleneckOutput(latents + self._touch_all_parameters(), latents=latents)
            with torch.no_grad():
                codes = self.quantize(z)
            chosen = self.decode(codes)
            return BottleneckOutput(
                vectors=self.straight_through(z, chosen),
                codes=codes,
                losses=self.losses(z, chosen, step),
                latents=latents,
                num_revived=0 if step is None else self.update_codebook(z.detach(), codes, step),
            )

    def unquantized(self, z: Tensor) -> Tensor:
        """What the decoder gets before `start_after`: (B, D, N) -> (B, D, N)."""
        return z

    def straight_through(self, z: Tensor, chosen: Tensor) -> Tensor:
        """The chosen vectors (B, D, N), their gradient passed on to the latents as it is."""
        return z + (chosen - z).detach()

    def losses(self, z: Tensor, chosen: Tensor, step: Step | None) -> dict[str, Tensor]:
        losses = {"commitment": squared_distance(z, chosen.detach())}
        if self.has_codebook_loss:
            losses = {"codebook": squared_distance(z.detach(), chosen), **losses}
        return losses

    def _touch_all_parameters(self) -> Tensor:
        """0, of which every parameter has a gradient: one that some steps leave without stops
        data-parallel training."""
        return 0 * torch.stack([each.sum() for each in self.parameters()]).sum()


def flatten_time(z: Tensor) -> Tensor:
    """(B, D, N) -> (B * N, D)."""
    return z.transpose(1, 2).reshape(-1, z.shape[1])


def squared_distance(left: Tensor, right: Tensor) -> Tensor:
    """|l - r|^2 per code: (B, D, N), (B, D, N) -> (B, N)."""
    return (left - right).square().sum(dim=1)
