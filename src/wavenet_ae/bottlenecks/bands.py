"""One quantizer for all bands of latents that have an axis of frequency.

A latent of P bands has a code for each. The bands are P rows of codes beside each other, at one
instant, as the codes of P codebooks would be; but all rows are of one codebook:

    bands            instants  ->                     codes (B, P, N)
    high             z  z  z  z                       7  7  2  2
                     z  z  z  z     one quantizer     0  3  3  3
    low              z  z  z  z                       5  5  5  1

Within a quantizer, bands are items of the batch. Where it has H codebooks itself, there are H * P
rows: those of its first codebook, from the lowest band to the highest, then those of the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from wavenet_ae.bottlenecks.quantizer import Quantizer, flatten_time
from wavenet_ae.types import BottleneckOutput, Step


class BandQuantizer(Quantizer):
    """Quantizes each band of latents `(B, C * P, N)` by the same quantizer of C channels.

    Channels, those of vectors too, are (C, P) in this order. Losses are summed over the bands.

    Args:
        quantizer: Quantizer of a band.
        num_bands: P.
    """

    def __init__(self, quantizer: Quantizer, num_bands: int) -> None:
        nn.Module.__init__(self)  # the layers and buffers of a quantizer are those of `quantizer`
        self.quantizer, self.num_bands = quantizer, num_bands
        self.dim = quantizer.dim * num_bands
        self.codebook_size = quantizer.codebook_size
        self.num_codebooks = quantizer.num_codebooks * num_bands
        self.rows_per_codebook = num_bands
        self.code_weighting = quantizer.code_weighting
        self.latent_noise_dim = quantizer.latent_noise_dim * num_bands
        self.start_after = quantizer.start_after
        self.num_initial_vectors = -(-quantizer.num_initial_vectors // num_bands)

    @property
    def is_quantizing(self) -> Tensor:  # type: ignore[override]
        return self.quantizer.is_quantizing

    def forward(self, latents: Tensor, step: Step | None = None) -> BottleneckOutput:
        if step is not None and step.latent is not None:
            step = replace(step, latent=self._as_items(step.latent))
        output = self.quantizer(self._as_items(latents), step)
        return replace(
            output,
            vectors=self._as_channels(output.vectors),
            codes=None if output.codes is None else self._as_rows(output.codes),
            losses={name: self._summed(loss) for name, loss in output.losses.items()},
            latents=self._as_channels(output.latents),
        )

    def decode(self, codes: Tensor) -> Tensor:
        rows = codes.view(len(codes), -1, self.num_bands, codes.shape[-1])  # (B, H, P, N)
        items = rows.transpose(1, 2).flatten(0, 1)  # (B * P, H, N)
        own = items[:, 0] if self.quantizer.num_codebooks == 1 else items
        return self._as_channels(self.quantizer.decode(own))

    @torch.no_grad()
    def begin_quantizing(self, latents: Tensor, seed: int) -> None:
        self.quantizer.begin_quantizing(self._as_items(latents), seed)

    def codebook_vectors(self) -> Tensor:
        return self.quantizer.codebook_vectors()

    def rows(self, latents: Tensor) -> Tensor:
        return flatten_time(self._as_items(latents))

    def code_distances(self, latents: Tensor, earlier: Sequence[Tensor] = ()) -> Tensor:
        """Returns the squared distances `(B, N, K)` of a band to the codes of one codebook.

        Args:
            latents: `(B, D * P, N)`, those of all bands.
            earlier: Codes `(B, N)` in the rows before, from which band and codebook follow.
        """
        band = len(earlier) % self.num_bands
        own = latents.unflatten(1, (-1, self.num_bands))[:, :, band]  # (B, D, N)
        return self.quantizer.code_distances(own, earlier[band :: self.num_bands])

    def _as_items(self, latents: Tensor) -> Tensor:
        """Returns latents `(B, C * P, N)` as `(B * P, C, N)`."""
        maps = latents.unflatten(1, (-1, self.num_bands))  # (B, C, P, N)
        return maps.transpose(1, 2).flatten(0, 1)

    def _as_channels(self, items: Tensor) -> Tensor:
        """Returns vectors `(B * P, D, N)` as `(B, D * P, N)`."""
        return items.unflatten(0, (-1, self.num_bands)).transpose(1, 2).flatten(1, 2)

    def _as_rows(self, codes: Tensor) -> Tensor:
        """Returns codes `(B * P, N)` or `(B * P, H, N)` as rows `(B, H * P, N)`, or `(B, N)` of
        one.
        """
        items = codes.view(-1, self.num_bands, self.quantizer.num_codebooks, codes.shape[-1])
        rows = items.transpose(1, 2).flatten(1, 2)  # (B, H * P, N)
        return rows[:, 0] if self.num_codebooks == 1 else rows

    def _summed(self, loss: Tensor) -> Tensor:
        """Returns the loss `(B * P, N)` of each band as `(B, N)`; a scalar stays as it is."""
        return loss.unflatten(0, (-1, self.num_bands)).sum(dim=1) if loss.ndim else loss
