"""Base class of bottlenecks with codes."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from wavenet_ae.bottlenecks.base import Bottleneck, Projection, straight_through
from wavenet_ae.bottlenecks.gradients import Gradient, diveq, rotation
from wavenet_ae.distributed import broadcast_
from wavenet_ae.schema import NonNegative, Width
from wavenet_ae.types import BottleneckOutput, Step

logger = logging.getLogger(__name__)


def perplexity(counts: Tensor) -> Tensor:
    """Returns the perplexity of code usage, exp of its entropy.

    Args:
        counts: `(..., K)`, how often each code was used.

    Returns:
        `(...)` in [1, K].
    """
    share = counts / counts.sum(dim=-1, keepdim=True)
    return torch.special.entr(share).sum(dim=-1).exp()


def code_counts(codes: Tensor, num_codebooks: int, codebook_size: int) -> Tensor:
    """Counts how often each code of each codebook occurs.

    Args:
        codes: `(B, N)` or `(B, H, N)`.
        num_codebooks: H.
        codebook_size: K.

    Returns:
        `(H, K)` int64.
    """
    books = torch.arange(num_codebooks, device=codes.device)[:, None]  # (H, 1)
    rows = codes.view(len(codes), num_codebooks, -1) + codebook_size * books  # (B, H, N)
    counts = torch.bincount(rows.flatten(), minlength=num_codebooks * codebook_size)
    return counts.view(num_codebooks, codebook_size)


class Quantizer(Bottleneck):
    """Bottleneck that replaces latents by codes: `(B, C, N)` to `(B, dim, N)`.

    Subclasses define which code a latent gets (`quantize`) and which vector a code stands for
    (`decode`).

    The loss `commitment` is |z - sg(e)|^2 per code (van den Oord et al. 2017, arXiv 1711.00937,
    third term of eq. 3), `e` being the vector that the decoder gets. If gradients move the
    codebook, the loss `codebook` is |sg(z) - e|^2 per code (second term of eq. 3).

    Args:
        input_dim: Channels of the latents, C.
        dim: Channels of the vectors, D.
        codebook_size: Codes of a codebook, K.
        start_after: Optimizer steps during which latents pass unquantized, so that the encoder can
            settle.
        normalize: Whether to standardize the latents, see `Projection`.
        num_initial_vectors: Encoder outputs from which `begin_quantizing` initializes the codes; 0
            if they need none. Subclasses derive it from their own settings.
        gradient: How gradients pass the choice of a code, see `wavenet_ae.bottlenecks.gradients`.
        unit_length: Whether to scale projected latents to length 1.

    Attributes:
        is_quantizing: Boolean buffer of checkpoints; until it is true, latents pass unquantized.

    Raises:
        ValueError: If the codebook has fewer than two codes.
    """

    codebook_size: int
    project: nn.Module
    has_codebook_loss = False

    def __init__(
        self,
        input_dim: int,
        dim: Width,
        codebook_size: int,
        start_after: NonNegative,
        normalize: bool,
        num_initial_vectors: int = 0,
        gradient: Gradient = "straight_through",
        unit_length: bool = False,
    ) -> None:
        super().__init__()
        if codebook_size < 2:
            raise ValueError(f"codebook_size is {codebook_size}, but must be at least 2")
        self.dim, self.codebook_size, self.start_after = dim, codebook_size, start_after
        self.num_initial_vectors = num_initial_vectors
        self.gradient = gradient
        self.latent_noise_dim = dim if gradient == "diveq" else 0
        self.project = Projection(input_dim, dim, normalize, unit_length)
        is_quantizing = not num_initial_vectors and not start_after
        self.register_buffer("is_quantizing", torch.tensor(is_quantizing))

    def quantize(self, z: Tensor) -> Tensor:
        """Returns the codes `(B, N)` or `(B, H, N)` of projected latents `(B, D, N)`."""
        raise NotImplementedError

    def initialize_codebook(self, vectors: Tensor, generator: torch.Generator) -> None:
        """Initializes the codebook from projected latents `(V, D)`."""

    def codebook_vectors(self) -> Tensor:
        """Returns the vectors `(K, D)` of the codes; with several codebooks, those of the first."""
        codes = torch.arange(self.codebook_size, device=self.is_quantizing.device)
        return self.decode(codes[None])[0].t()

    def rows(self, latents: Tensor) -> Tensor:
        """Returns the vectors `(V, D)` of `latents` of a result, of which each has a code."""
        return flatten_time(latents)

    def code_distances(self, latents: Tensor, earlier: Sequence[Tensor] = ()) -> Tensor:
        """Returns the squared distances of latents to the codes of one codebook.

        The nearest code is the one that `quantize` chooses.

        Args:
            latents: `(B, D, N)`, what was quantized: `latents` of the result of `forward`.
            earlier: Codes `(B, N)` in the codebooks before, of which there are some only where a
                latent has several codes; the distances are to the codebook after them.

        Returns:
            `(B, N, K)`.
        """
        assert not earlier, "there is one codebook"
        return pairwise_distances(latents, self.codebook_vectors())

    def update_codebook(self, z: Tensor, codes: Tensor, step: Step) -> int:
        """Updates the codebook after a training step.

        Args:
            z: Projected latents `(B, D, N)` of the step.
            codes: Their codes.
            step: Number and seed of the step.

        Returns:
            The number of codes that were restarted.
        """
        return 0

    @torch.no_grad()
    def begin_quantizing(self, latents: Tensor, seed: int) -> None:
        """Initializes the codebook if necessary, and quantizes from now on.

        Args:
            latents: Encoder outputs `(B, C, N)`.
            seed: Seed of the initialization, the same in all processes.
        """
        if self.num_initial_vectors:
            z = self.project(latents, is_training=False)
            self.initialize_codebook(flatten_time(z), torch.Generator().manual_seed(seed))
        self.is_quantizing.fill_(True)
        for tensor in (*self.parameters(), *self.buffers()):
            broadcast_(tensor)
        logger.info("quantizing from now on with %d codes", self.codebook_size)

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        """Returns vectors `(B, dim, N)`, codes and losses of latents `(B, C, N)`."""
        z = self.project(latents, is_training=step is not None)  # (B, D, N)
        with torch.autocast(z.device.type, enabled=False):
            latents = self.unquantized(z)
            if not self.is_quantizing:
                return BottleneckOutput(latents + self._touch_all_parameters(), latents=latents)
            with torch.no_grad():
                codes = self.quantize(z)
            chosen = self.decode(codes)
            return BottleneckOutput(
                vectors=self.pass_gradient(z, chosen, step),
                codes=codes,
                losses=self.losses(z, chosen, step),
                latents=latents,
                num_revived=0 if step is None else self.update_codebook(z.detach(), codes, step),
            )

    def unquantized(self, z: Tensor) -> Tensor:
        """Returns what the decoder gets until quantizing begins, `(B, D, N)`."""
        return z

    def pass_gradient(self, z: Tensor, chosen: Tensor, step: Step | None) -> Tensor:
        """Returns the chosen vectors `(B, D, N)` with a gradient to the latents."""
        if self.gradient == "rotation":
            return rotation(z, chosen)
        if self.gradient == "diveq":
            return diveq(z, chosen, None if step is None else step.latent)
        return straight_through(z, chosen)

    def losses(self, z: Tensor, chosen: Tensor, step: Step | None) -> dict[str, Tensor]:
        """Returns the unweighted losses of projected latents and the vectors chosen for them.

        Args:
            z: Projected latents `(B, D, N)`.
            chosen: Vectors of their codes, `(B, D, N)`.
            step: The training step; None in evaluation.
        """
        losses = {"commitment": squared_distance(z, chosen.detach())}
        if self.has_codebook_loss:
            losses = {"codebook": squared_distance(z.detach(), chosen), **losses}
        return losses

    def _touch_all_parameters(self) -> Tensor:
        """Returns a zero that depends on every parameter, because data-parallel training needs all
        gradients.
        """
        sums = [each.sum() for each in self.parameters()]
        return 0 * torch.stack(sums).sum() if sums else torch.tensor(0.0)


def flatten_time(z: Tensor) -> Tensor:
    """Returns `(B, D, N)` as `(B * N, D)`."""
    return z.transpose(1, 2).reshape(-1, z.shape[1])


def pairwise_distances(latents: Tensor, codebook: Tensor) -> Tensor:
    """Returns |z - e|^2 of latents `(B, D, N)` and codes `(K, D)`: `(B, N, K)`."""
    rows = latents.transpose(1, 2)  # (B, N, D)
    squares = rows.square().sum(dim=2, keepdim=True) + codebook.square().sum(dim=1)
    return (squares - 2 * rows @ codebook.t()).clamp_min(0)


def squared_distance(left: Tensor, right: Tensor) -> Tensor:
    """Returns |l - r|^2 per code: `(B, D, N)` twice to `(B, N)`."""
    return (left - right).square().sum(dim=1)
