"""Bitrates of codes whose entropies are known."""

from __future__ import annotations

from math import log, log2

import pytest
import torch

from wavenet_ae.metrics.bitrate import (
    LONGEST_RUN,
    CodeStatistics,
    bits_per_second,
    code_bitrates,
    kl_bitrate,
    speaker_bitrate,
)

CPU = torch.device("cpu")


def counted(*batches: torch.Tensor, size: int, num_codebooks: int = 1) -> CodeStatistics:
    statistics = CodeStatistics.none(num_codebooks, size, batches[0].device)
    for codes in batches:
        statistics = statistics.added(codes)
    return statistics


def bitrates(*rows: list[int], size: int = 8, code_rate: float = 50.0) -> dict[str, float]:
    return code_bitrates(counted(torch.tensor(rows), size=size), code_rate)


def lengths(statistics: CodeStatistics, book: int = 0) -> dict[int, int]:
    """How many runs there are of each length."""
    counts = statistics.run_lengths[book]
    return {int(length): int(counts[length]) for length in counts.nonzero()[:, 0]}


def test_a_constant_code_has_no_information():
    assert bitrates([5] * 20, [5] * 20) == {"nominal": 150, "unigram": 0, "run_length": 0}


def test_run_length_saves_nothing_where_codes_alternate():
    """As many bits by run as by code: each run has one of two codes and the length 1."""
    assert bitrates([2, 6] * 10) == pytest.approx({"nominal": 150, "unigram": 50, "run_length": 50})


def test_runs_of_two_equal_lengths():
    """Runs 5 times as rare as codes, each with one of 4 codes."""
    row = [code for code in (0, 1, 2, 3) for _ in range(5)]
    expected = {"nominal": 150, "unigram": 100, "run_length": 100 / 5}
    assert bitrates(row, row) == pytest.approx(expected)


def test_lengths_of_runs_need_bits_too():
    """Code 0 or 1, length 1 or 3, equally often: 2 bits a run, a run for every 2 codes."""
    row = [0, 1, 1, 1]  # and two runs more, the other way round
    assert bitrates(row, [1, 0, 0, 0])["run_length"] == pytest.approx(50 / 2 * 2)


def test_one_code_thrice_as_frequent_as_the_other():
    """H(1/4) by code; a run for every 2 codes, of one of two lengths that name its code."""
    expected = {"nominal": 150, "unigram": 50 * (2 - 0.75 * log2(3)), "run_length": 50 / 2 * 2}
    assert bitrates([0, 1, 1, 1], [0, 1, 1, 1]) == pytest.approx(expected)


def test_uniformly_random_codes_need_what_they_nominally_do():
    codes = torch.randint(0, 64, (200, 100), generator=torch.Generator().manual_seed(0))
    measured = code_bitrates(counted(codes, size=64), 50.0)
    assert measured["nominal"] == 300
    assert 0.99 * 300 < measured["unigram"] < 300
    # naming lengths as well, which have no information here, needs about H(1/64) / (1/64) more
    assert 300 < measured["run_length"] < 1.03 * 300


def test_runs_and_their_lengths_by_hand():
    statistics = counted(torch.tensor([[3, 3, 3, 1, 1, 3], [3, 0, 0, 0, 0, 0]]), size=4)
    assert statistics.counts.tolist() == [[5, 2, 0, 5]]
    assert statistics.run_counts.tolist() == [[1, 1, 0, 3]]  # no run continues in the next row
    assert lengths(statistics) == {1: 2, 2: 1, 3: 1, 5: 1}


def test_runs_do_not_cross_batches():
    row = torch.tensor([[7, 7]])
    assert lengths(counted(row, row, size=8)) == {2: 2}


def test_longer_runs_are_counted_as_the_longest():
    codes = torch.zeros(1, LONGEST_RUN + 500, dtype=torch.int64)
    assert lengths(counted(codes, size=2)) == {LONGEST_RUN: 1}


def test_codebooks_add_up():
    first, second = [0, 0, 0, 0], [0, 1, 2, 3]
    codes = torch.tensor([[first, second]])  # (B, H, N)
    statistics = counted(codes, codes, size=4, num_codebooks=2)
    assert statistics.counts.tolist() == [[8, 0, 0, 0], [2, 2, 2, 2]]
    assert (lengths(statistics, 0), lengths(statistics, 1)) == ({4: 2}, {1: 8})
    expected = {"nominal": 2 * 2 * 50, "unigram": 2 * 50, "run_length": 2 * 50}
    assert code_bitrates(statistics, 50.0) == pytest.approx(expected)


def test_transposed_codes_are_read_in_their_order():
    """RVQ returns (B, H, N) as a view of (B, N, H)."""
    codes = torch.tensor([[[0, 0, 1], [2, 3, 3]]])
    seen = codes.transpose(1, 2).contiguous().transpose(1, 2)
    pair = [counted(each, size=4, num_codebooks=2) for each in (codes, seen)]
    assert torch.equal(pair[0].run_counts, pair[1].run_counts)
    assert lengths(pair[1], 1) == {1: 1, 2: 1}


def test_without_a_counted_code_there_is_no_bitrate():
    assert code_bitrates(CodeStatistics.none(2, 8, CPU), 50.0) == {}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_codes_on_a_gpu_need_the_same_bits():
    codes = torch.randint(0, 16, (4, 2, 50), generator=torch.Generator().manual_seed(0))
    pair = [counted(each, size=16, num_codebooks=2) for each in (codes, codes.cuda())]
    assert code_bitrates(pair[0], 50.0) == pytest.approx(code_bitrates(pair[1], 50.0))


def test_kl_and_speaker():
    nats_of_three_bits = 3 / log2(2.718281828459045)
    assert kl_bitrate(nats_of_three_bits, 50.0) == pytest.approx(150)
    assert speaker_bitrate(8, utterance_seconds=6.0) == pytest.approx(0.5)
    assert speaker_bitrate(1, utterance_seconds=6.0) == 0


def test_one_bit_per_sample_is_the_sample_rate_in_bits_per_second():
    assert float(bits_per_second(torch.tensor(log(2)), 16000)) == pytest.approx(16000)
