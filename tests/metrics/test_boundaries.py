"""Changes of codes against phone boundaries, with answers computed by hand."""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavenet_ae.labels import Segments
from wavenet_ae.metrics.boundaries import (
    BoundaryCounts,
    _hits,
    boundary_counts,
    boundary_quality,
    change_seconds,
    evenly_spaced,
    possible_changes,
)

TENTHS = np.arange(0, 11) / 10  # of ten phones, a tenth of a second each


def phones(edges: np.ndarray, *left_out: int) -> Segments:
    """Phones from edge to edge, those in `left_out` by a mapping."""
    labels = tuple(None if row in left_out else "a" for row in range(len(edges) - 1))
    return Segments(edges[:-1], edges[1:], labels, Path("a.phn"))


def quality_of(changes, segments: Segments):
    return boundary_quality(boundary_counts(np.array(changes), segments))


def test_a_change_lies_midway_between_the_anchors_of_its_codes():
    codes, anchors = np.array([7, 7, 4, 4, 2]), np.array([79.5, 239.5, 399.5, 559.5, 719.5])
    assert change_seconds(codes, anchors, 8000).tolist() == [0.04, 0.08]
    books = np.array([[7, 0], [7, 1], [7, 1], [7, 1], [7, 1]])
    assert change_seconds(books, anchors, 8000).tolist() == [0.02]
    assert len(change_seconds(codes[:1], anchors[:1], 8000)) == 0


def test_changes_at_each_boundary_are_perfect():
    quality = quality_of(TENTHS[1:-1], phones(TENTHS))
    assert (quality.precision, quality.recall, quality.f1, quality.r_value) == (1, 1, 1, 1)
    assert quality.over_segmentation == 0


def test_ends_and_unlabeled_stretches_are_left_out_and_counted():
    # Phones 4 and 5 (0.4 to 0.6 s) do not count: 0.4 and 0.6 are edges, as 0 and 1.
    segments = phones(TENTHS, 4, 5)
    changes = np.array([0.0, 0.1, 0.15, 0.39, 0.5, 0.55, 0.615, 0.7, 0.99, 1.3])
    assert boundary_counts(changes, segments) == BoundaryCounts(
        num_hits=2,  # 0.1 and 0.7
        num_reference=6,  # 0.1, 0.2, 0.3, 0.7, 0.8, 0.9
        num_edges=4,
        num_found=3,  # those and 0.15
        num_unlabeled=7,
    )


def test_a_gap_between_segments_is_an_unlabeled_stretch():
    segments = Segments(np.array([0.1, 0.5]), np.array([0.3, 0.7]), ("a", "b"), Path("a.item"))
    counts = boundary_counts(np.array([0.2, 0.4, 0.6]), segments)
    assert counts == BoundaryCounts(0, 0, 4, 2, 1)


def test_a_change_near_an_edge_counts_where_it_meets_a_boundary():
    """0.03 s from the begin of a recording, met 0.015 s from it; what else is near is left out."""
    segments = phones(np.array([0, 0.03, 1.0]))
    assert boundary_counts(np.array([0.015]), segments) == BoundaryCounts(1, 1, 2, 1, 0)
    assert boundary_counts(np.array([0.005, 0.03]), segments) == BoundaryCounts(1, 1, 2, 1, 1)


def test_exactly_the_tolerance_is_within_it():
    for change in (0.48, 0.52):  # 0.02 s away but for rounding, to either side
        assert boundary_counts(np.array([change]), phones(TENTHS)).num_hits == 1
    for change in (0.479, 0.521):
        assert boundary_counts(np.array([change]), phones(TENTHS)).num_hits == 0


def test_a_boundary_is_met_once_and_a_change_meets_one():
    counts = boundary_counts(np.array([0.49, 0.5, 0.51]), phones(TENTHS))
    assert (counts.num_hits, counts.num_found) == (1, 3)
    near = np.array([0, 0.5, 0.51, 1.0])  # two boundaries near one change
    counts = boundary_counts(np.array([0.505]), phones(near))
    assert (counts.num_hits, counts.num_reference) == (1, 2)


def most_pairs(reference: list[int], changes: list[int], tolerance: int) -> int:
    """Returns the largest number of pairs, by trying all ways to choose as many of each."""
    for size in range(min(len(reference), len(changes)), 0, -1):
        for some in combinations(reference, size):
            for others in combinations(changes, size):
                if all(abs(a - b) <= tolerance for a, b in zip(some, others, strict=True)):
                    return size
    return 0


instants = st.lists(st.integers(0, 30), max_size=6, unique=True).map(sorted)


@given(instants, instants)
def test_no_other_pairing_finds_more(reference, changes):
    found = _hits(np.array(reference), np.array(changes), 3).sum()
    assert found == most_pairs(reference, changes, 3)


def test_counts_add_up_over_recordings():
    changes = np.array([0.1, 0.15, 0.5])
    once = boundary_counts(changes, phones(TENTHS))
    assert boundary_quality(once + once) == boundary_quality(once)
    assert (once + once).num_edges == 2 * once.num_edges


def test_changes_everywhere_have_all_boundaries_and_no_r_value():
    quality = quality_of(np.arange(1, 1000) / 1000, phones(TENTHS))
    assert quality.recall == 1
    assert quality.r_value < -20


def test_the_r_value_s_equations():
    """80 % of boundaries found, with 20 % more changes than boundaries."""
    quality = boundary_quality(BoundaryCounts(80, 100, 0, 120, 0))
    assert quality.recall == pytest.approx(0.8)
    assert quality.precision == pytest.approx(80 / 120)
    assert quality.f1 == pytest.approx(2 / (1 / 0.8 + 120 / 80))
    assert quality.over_segmentation == pytest.approx(0.2)
    r1, r2 = math.hypot(20, 20), (-20 + 80 - 100) / math.sqrt(2)
    assert quality.r_value == pytest.approx(1 - (abs(r1) + abs(r2)) / 200)


def test_codes_of_the_speaker_never_change():
    quality = quality_of(change_seconds(np.full(50, 3), np.arange(50.0), 50), phones(TENTHS))
    assert (quality.recall, quality.f1, quality.over_segmentation) == (0, 0, -1)
    assert math.isnan(quality.precision)


def test_even_division_is_what_chance_gives():
    """Boundaries at random: a change meets one with the share of time that is near one."""
    rng = np.random.default_rng(0)
    edges = np.sort(rng.random(20_001)) * 20_000  # one a second
    segments = phones(edges)
    instants = np.arange(0, edges[-1], 0.02)
    counts = boundary_counts(evenly_spaced(5_000, instants), segments)
    quality = boundary_quality(counts)
    assert quality.precision == pytest.approx(1 - math.exp(-0.04), abs=0.01)


def test_even_division():
    instants = np.arange(12.0)
    assert evenly_spaced(3, instants).tolist() == [2, 6, 10]
    assert evenly_spaced(12, instants).tolist() == instants.tolist()
    assert len(evenly_spaced(0, instants)) == len(evenly_spaced(0, instants[:0])) == 0


def test_a_tolerance_of_a_code_hop_reaches_as_far_before_a_change_as_after_it():
    """Codes of 160 samples, each anchored in the middle of its own, and labels every 10 ms."""
    change = possible_changes(np.array([79.5, 239.5]), 8000)
    hits = [quality_of(change, phones(np.array([0, each / 100, 1]))).recall for each in range(1, 6)]
    assert hits == [1, 1, 1, 1, 0]  # at 10, 20, 30 and 40 ms, the change being at 20 ms


def test_without_labels_no_boundary_is_counted_as_found():
    nothing = Segments(np.empty(0), np.empty(0), (), Path("a.TextGrid"))
    counts = boundary_counts(np.array([0.5]), nothing)
    assert counts == BoundaryCounts(0, 0, 0, 0, 1)
    assert math.isnan(boundary_quality(counts).r_value)
