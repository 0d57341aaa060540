"""What a validation adds up, over its batches and over processes."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor

from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.bottlenecks.quantiser import code_counts, perplexity
from wavenet_ae.nn.processes import summed
from wavenet_ae.objectives.waveform import negative_log_likelihood
from wavenet_ae.types import ModelOutput

NATS_PER_BIT = log(2)
CONTROLS = ("nll", "nll_other_codes")  # with the item's own codes, with those of another


class ValidationSums:
    """Sums of NLLs in nats, and of how often each code is used.

    Processes meet in `figures` only, so that one may have more batches than another.
    """

    def __init__(self, bottleneck: Bottleneck | None, device: torch.device) -> None:
        self.names = CONTROLS if bottleneck is not None else CONTROLS[:1]
        self.device = device
        self.nats = torch.zeros(len(self.names), dtype=torch.float64)  # on the CPU: not all have it
        self.num_samples = torch.zeros_like(self.nats)
        codebooks = (bottleneck.num_codebooks, bottleneck.codebook_size) if bottleneck else (0, 0)
        self.code_counts = torch.zeros(codebooks[0], codebooks[1] or 0, device=device)  # (Q, K)

    def add_nll(self, name: str, output: ModelOutput) -> None:
        losses = negative_log_likelihood(output)
        row = self.names.index(name)
        self.nats[row] += losses.sum().cpu()
        self.num_samples[row] += losses.numel()

    def add_codes(self, codes: Tensor | None) -> None:
        """Codes (B, N) or (B, Q, N); None where the bottleneck has none, or none yet."""
        if codes is not None:
            self.code_counts += code_counts(codes, *self.code_counts.shape)

    def figures(self) -> dict[str, Tensor]:
        """NLLs in nats per sample and what follows; with several codebooks, their means."""
        nats, num_samples = summed(
            torch.stack([self.nats, self.num_samples]).float().to(self.device)
        )
        figures = dict(zip(self.names, nats / num_samples, strict=True))
        figures["bits_per_sample"] = figures["nll"] / NATS_PER_BIT
        if "nll_other_codes" in figures:
            figures["gain_over_other_codes"] = figures["nll_other_codes"] - figures["nll"]
        counts = summed(self.code_counts)
        if counts.sum() > 0:  # none while latents pass unquantised
            figures["perplexity"] = torch.stack([perplexity(each) for each in counts]).mean()
            figures["codes_used"] = (counts > 0).float().mean()
        return figures
