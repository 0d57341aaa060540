"""Bitrate of a decoder's conditioning, in bits per second.

- nominal: codes/s times log2 K, summed over codebooks
- unigram: codes/s times the entropy of code frequencies: the cost of a coder that knows these
  frequencies, but nothing of order
- run_length: runs/s times the entropies of a run's code and of its length, each by frequency alone
- kl: for a Gaussian posterior: codes/s times the KL divergence from the prior
- speaker: log2 of the number of speakers, once per utterance
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import log, log2

import torch
from torch import Tensor

from wavenet_ae.bottlenecks.quantizer import code_counts
from wavenet_ae.distributed import all_reduce_sum
from wavenet_ae.stream_names import of_stream

LONGEST_RUN = 1000  # in codes; longer runs are counted as this long
NATS_PER_BIT = log(2)


@dataclass(frozen=True)
class CodeStatistics:
    """Counts of codes and of runs of equal codes; a run ends where its sequence ends.

    Attributes:
        counts: `(H, K)`, occurrences of each code.
        run_counts: `(H, K)`, runs of each code.
        run_lengths: `(H, LONGEST_RUN + 1)`, runs of each length.
    """

    counts: Tensor
    run_counts: Tensor
    run_lengths: Tensor

    @staticmethod
    def none(num_codebooks: int, codebook_size: int, device: torch.device) -> CodeStatistics:
        """Returns counts of zero."""
        sizes = (codebook_size, codebook_size, LONGEST_RUN + 1)
        zeros = (
            torch.zeros(num_codebooks, size, device=device, dtype=torch.int64) for size in sizes
        )
        return CodeStatistics(*zeros)

    def added(self, codes: Tensor) -> CodeStatistics:
        """Returns the counts with codes `(B, N)` or `(B, H, N)` added; each row is one sequence."""
        num_codebooks, size = self.counts.shape
        sequences = codes.view(len(codes), num_codebooks, -1)  # (B, H, N)
        runs = [_runs(sequences[:, book]) for book in range(num_codebooks)]
        run_counts = [code_counts(run[None], 1, size) for run, _ in runs]
        lengths = [
            torch.bincount(length.clamp_max(LONGEST_RUN), minlength=LONGEST_RUN + 1)
            for _, length in runs
        ]
        return CodeStatistics(
            self.counts + code_counts(codes, num_codebooks, size),
            self.run_counts + torch.cat(run_counts),
            self.run_lengths + torch.stack(lengths),
        )

    def over_processes(self) -> CodeStatistics:
        """Returns the sum over processes."""
        return CodeStatistics(*(all_reduce_sum(getattr(self, each.name)) for each in fields(self)))


def _runs(sequences: Tensor) -> tuple[Tensor, Tensor]:
    """Returns code and length of each run `(R,)` of sequences `(B, N)`."""
    starts = torch.ones_like(sequences, dtype=torch.bool)
    starts[:, 1:] = sequences[:, 1:] != sequences[:, :-1]
    where = starts.flatten().nonzero()[:, 0]  # a row begins with a start: no run crosses rows
    ends = torch.cat([where[1:], where.new_tensor([sequences.numel()])])
    return sequences.flatten()[where], ends - where


def code_bitrates(statistics: CodeStatistics, code_rate: float) -> dict[str, float]:
    """Computes the bitrates `nominal`, `unigram` and `run_length`, each summed over codebooks.

    Args:
        statistics: Counts of codes.
        code_rate: Codes per second.

    Returns:
        Bits per second by name; empty if no code was counted.
    """
    num_codes = statistics.counts[0].sum().item()
    if not num_codes:
        return {}
    num_codebooks, codebook_size = statistics.counts.shape
    runs_per_code = statistics.run_counts.sum(dim=1).cpu().double() / num_codes  # (H,)
    bits_per_run = _entropy_bits(statistics.run_counts) + _entropy_bits(statistics.run_lengths)
    return {
        "nominal": code_rate * num_codebooks * log2(codebook_size),
        "unigram": code_rate * _entropy_bits(statistics.counts).sum().item(),
        "run_length": code_rate * (runs_per_code * bits_per_run).sum().item(),
    }


def stream_bitrates(
    statistics: CodeStatistics | None, nats: float, num_kls: float, code_rate: float
) -> dict[str, float]:
    """Computes the bitrates of one stream of codes.

    Args:
        statistics: Counts of its codes; None where it has no codebook.
        nats: Sum of the KL divergences of its codes.
        num_kls: Number of codes of which that is the sum; 0 where there are none.
        code_rate: Codes per second.

    Returns:
        Bits per second by name.
    """
    bitrates = code_bitrates(statistics, code_rate) if statistics is not None else {}
    return bitrates | ({"kl": kl_bitrate(nats / num_kls, code_rate)} if num_kls else {})


def summed_over_streams(bitrates: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Returns bitrates in total, and of each of several streams.

    Args:
        bitrates: Bits per second of each stream, by its name and theirs.
    """
    names = dict.fromkeys(name for each in bitrates.values() for name in each)
    found = {name: sum(each.get(name, 0.0) for each in bitrates.values()) for name in names}
    for stream, each in bitrates.items():
        found |= {of_stream(name, stream): value for name, value in each.items()}
    return found


def kl_bitrate(nats_per_code: float, code_rate: float) -> float:
    """Converts a KL divergence in nats per code to bits per second."""
    return code_rate * nats_per_code / NATS_PER_BIT


def bits_per_second(nats_per_target: Tensor, target_rate: float) -> Tensor:
    """Converts nats per target, a sample or a frame, to bits per second."""
    return nats_per_target * (target_rate / NATS_PER_BIT)


def speaker_bitrate(num_speakers: int, utterance_seconds: float) -> float:
    """Returns the bits per second for naming the speaker once per utterance of this mean length."""
    return log2(num_speakers) / utterance_seconds


def _entropy_bits(counts: Tensor) -> Tensor:
    """Returns the entropy in bits of counts `(H, X)`, as `(H,)`."""
    share = counts.cpu().double() / counts.cpu().sum(dim=1, keepdim=True)
    return torch.special.entr(share).sum(dim=1) / NATS_PER_BIT
