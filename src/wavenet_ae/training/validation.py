"""What a validation adds up, over its batches and over processes."""

from __future__ import annotations

import torch
from torch import Tensor

from wavenet_ae.bottlenecks.quantiser import perplexity
from wavenet_ae.evaluation.bitrate import NATS_PER_BIT, CodeStatistics, code_bitrates, kl_bitrate
from wavenet_ae.evaluation.latent_use import bits_per_second, control_names
from wavenet_ae.models import WaveformAutoencoder, WaveformModel
from wavenet_ae.nn.processes import gathered, summed
from wavenet_ae.objectives.waveform import negative_log_likelihood
from wavenet_ae.types import BottleneckOutput, ModelOutput

VALIDATION_SECTIONS = ("validation/", "bitrate/")  # of what is logged


class ValidationSums:
    """Sums of NLLs in nats, of KLs, and of how often each code is used.

    Processes meet in `over_processes` only, so that one may have more batches than another.
    """

    def __init__(self, model: WaveformModel, device: torch.device) -> None:
        self.model, self.device = model, device
        self.names = ("nll", *(f"nll_{name}" for name in control_names(model)))
        # on the CPU: not all devices have float64
        self.nats = torch.zeros(len(self.names), dtype=torch.float64)
        self.num_samples = torch.zeros_like(self.nats)
        bottleneck = model.bottleneck if isinstance(model, WaveformAutoencoder) else None
        size = bottleneck.codebook_size if bottleneck else None
        self.codes = (
            CodeStatistics.none(bottleneck.num_codebooks, size, device)
            if bottleneck and size
            else None
        )
        self.kl_sum = torch.zeros((), device=device)
        self.num_kls = torch.zeros((), device=device)

    def add_nll(self, name: str, output: ModelOutput) -> None:
        losses = negative_log_likelihood(output)
        row = self.names.index(name)
        self.nats[row] += losses.sum().cpu()
        self.num_samples[row] += losses.numel()

    def add_bottleneck(self, output: BottleneckOutput) -> None:
        if output.codes is not None and self.codes is not None:
            self.codes = self.codes.added(output.codes)
        if "kl" in output.losses:
            self.kl_sum += output.losses["kl"].sum()
            self.num_kls += output.losses["kl"].numel()

    def over_processes(self) -> None:
        """Add what other processes have seen; call it once, in all of them."""
        rough = self.nats.float()  # and the rest apart: float32 alone would blur gains
        parts = torch.stack([rough, (self.nats - rough).float(), self.num_samples.float()])
        sums = gathered(parts[None].to(self.device)).cpu().double().sum(dim=0)  # (3, names)
        self.nats, self.num_samples = sums[0] + sums[1], sums[2]
        self.kl_sum, self.num_kls = summed(torch.stack([self.kl_sum, self.num_kls]))
        self.codes = self.codes.over_processes() if self.codes else None

    def figures(self) -> dict[str, Tensor]:
        """NLLs in nats per sample and what follows; with several codebooks, their means."""
        nlls = dict(zip(self.names, self.nats / self.num_samples, strict=True))
        figures = {**nlls, "bits_per_sample": nlls["nll"] / NATS_PER_BIT}
        for name in control_names(self.model):
            gain = nlls[f"nll_{name}"] - nlls["nll"]
            figures[f"gain_over_{name}"] = gain
            bits = bits_per_second(gain, self.model.sample_rate)
            figures[f"gain_over_{name}_bits_per_second"] = bits
        if self.codes is not None and self.codes.counts.any():  # none while not quantising
            counts = self.codes.counts
            figures["perplexity"] = perplexity(counts.float()).mean()
            figures["codes_used"] = (counts > 0).float().mean()
        return {name: value.float() for name, value in figures.items()}

    def bitrates(self) -> dict[str, float]:
        """Bits per second of the codes, see evaluation/bitrate.py, each window for itself."""
        if not isinstance(self.model, WaveformAutoencoder):
            return {}
        code_rate = float(self.model.sample_rate / self.model.hop)
        bitrates = code_bitrates(self.codes, code_rate) if self.codes else {}
        if self.num_kls:
            bitrates["kl"] = kl_bitrate(float(self.kl_sum / self.num_kls), code_rate)
        return bitrates
