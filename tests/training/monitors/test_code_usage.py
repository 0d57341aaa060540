"""Which codes were used when, against sequences worked out by hand."""

from __future__ import annotations

import io

import pytest
import torch

from wavenet_ae.training.monitors.code_usage import CodeUsage, distinct


def add(usage: CodeUsage, *rows: list[int], num_revived: int = 0) -> None:
    """A batch of sequences (B, N) of a single codebook."""
    usage.add(torch.tensor(rows)[:, None], num_revived)


def figures(usage: CodeUsage) -> dict[str, float]:
    return {name: float(value) for name, value in usage.figures().items()}


def by_hand(*figures: float) -> dict[str, float]:
    names = (
        "distinct_per_window",
        "batch_perplexity",
        "recent_perplexity",
        "used_fraction",
        "dead_codes",
        "mean_age",
        "max_age",
        "revived_codes",
    )
    return pytest.approx(dict(zip(names, figures, strict=True)))


def test_three_batches_by_hand():
    """Four codes, of which those unused for two batches are dead."""
    usage = CodeUsage(num_codebooks=1, codebook_size=4, recent_batches=2)
    add(usage, [0, 0, 1, 1], [2, 2, 2, 2])  # shares 1/4, 1/4, 1/2; code 3 has never been used
    assert figures(usage) == by_hand(1.5, 2**1.5, 2**1.5, 3 / 4, 0, 1 / 4, 1, 0)
    add(usage, [0, 0, 0, 0], [0, 0, 0, 0])
    recent = (16 / 10) ** (10 / 16) * 8 ** (2 / 16) * 4 ** (4 / 16)  # of counts 10, 2, 4
    assert figures(usage) == by_hand(1, 1, recent, 3 / 4, 1, 1, 2, 0)
    usage.mark_validation()
    add(usage, [3, 3, 3, 3], [1, 1, 1, 1])  # with the second batch, counts 8, 4, 0, 4
    assert figures(usage) == by_hand(1, 2, 2**1.5, 2 / 4, 1, 3 / 4, 2, 0)
    assert usage.ages.tolist() == [[1, 0, 2, 0]]


def test_nothing_is_used_right_after_a_validation():
    usage = CodeUsage(1, 4, 2)
    add(usage, [0, 1, 2, 3])
    assert figures(usage)["used_fraction"] == 1
    usage.mark_validation()
    assert figures(usage)["used_fraction"] == 0


def test_revived_codes_add_up_until_they_are_told():
    usage = CodeUsage(1, 4, 2)
    add(usage, [0, 1], num_revived=2)
    add(usage, [0, 1], num_revived=3)
    assert figures(usage)["revived_codes"] == 5
    add(usage, [0, 1])
    assert figures(usage)["revived_codes"] == 0


def test_several_codebooks_are_averaged_and_their_dead_codes_added_up():
    usage = CodeUsage(num_codebooks=2, codebook_size=4, recent_batches=1)
    usage.add(torch.tensor([[[0, 0, 0, 0], [0, 1, 2, 3]]]), 0)  # (B, Q, N)
    usage.add(torch.tensor([[[1, 1, 1, 1], [0, 1, 0, 1]]]), 0)
    # ages 1 0 2 2 and 0 0 1 1
    assert figures(usage) == by_hand(1.5, 1.5, 1.5, 6 / 8, 5, 7 / 8, 2, 0)


def test_distinct_codes_of_each_sequence():
    codes = torch.tensor([[[3, 1, 3, 1], [5, 5, 5, 5]], [[0, 1, 2, 3], [2, 0, 0, 2]]])
    assert distinct(codes).tolist() == [[2, 1], [4, 2]]


def saved(usage: CodeUsage) -> bytes:
    file = io.BytesIO()
    torch.save(usage.state_dict(), file)
    return file.getvalue()


@pytest.mark.parametrize("stop", [1, 4, 9])
def test_stopped_and_resumed_equals_never_stopped(stop):
    """Around the validation after batch 4, with figures asked for at every third."""
    generator = torch.Generator().manual_seed(0)
    batches = torch.randint(0, 30, (12, 2, 3, 5), generator=generator)  # (batch, B, Q, N)
    whole = CodeUsage(num_codebooks=3, codebook_size=32, recent_batches=3)
    parts = CodeUsage(num_codebooks=3, codebook_size=32, recent_batches=3)
    for number, codes in enumerate(batches, start=1):
        for usage in (whole, parts):
            usage.add(codes, number % 2)
        if number == 4:
            whole.mark_validation()
            parts.mark_validation()
        if number == stop:
            state = torch.load(io.BytesIO(saved(parts)), weights_only=True)
            parts = CodeUsage(num_codebooks=3, codebook_size=32, recent_batches=3)
            parts.load_state_dict(state)
        if number % 3 == 0:
            assert figures(parts) == figures(whole)
    assert torch.equal(parts.ages, whole.ages)


def test_a_large_codebook_costs_eight_bytes_a_code():
    size = 2**18
    usage = CodeUsage(num_codebooks=1, codebook_size=size, recent_batches=100)
    for _ in range(300):
        usage.add(torch.randint(0, size, (4, 1, 20), dtype=torch.int32), 0)
    assert len(saved(usage)) < 8 * size + 100_000, "no window of counts"
    assert figures(usage)["recent_perplexity"] == pytest.approx(8000, rel=0.03)
