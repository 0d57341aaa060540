"""Unit metrics with answers known by hand or from scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import completeness_score, homogeneity_score, v_measure_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from wavenet_ae.errors import UserError
from wavenet_ae.labels import EXCLUDED, UNLABELED
from wavenet_ae.metrics.units import (
    JointCounts,
    halves,
    held_out_accuracy,
    joint_quality,
    nmi,
    pnmi,
    unit_quality,
)

PHONES, CODES = 7, 12


@pytest.fixture
def frames() -> tuple[np.ndarray, np.ndarray]:
    """Codes that depend on the labels."""
    rng = np.random.default_rng(0)
    labels = rng.choice(PHONES, 5000, p=rng.dirichlet(np.ones(PHONES)))
    noisy = rng.random(5000) < 0.4
    return np.where(noisy, rng.integers(0, CODES, 5000), labels + 3), labels


def counted(codes, labels, num_codes: int = CODES, num_labels: int = PHONES) -> JointCounts:
    return JointCounts.none(num_codes, num_labels).added(np.array(codes), np.array(labels))


def test_codes_that_are_the_labels_are_perfect():
    labels = np.repeat(np.arange(4), 25)
    quality = unit_quality(3 - labels, labels, num_codes=8, num_labels=4)
    assert quality.pnmi == quality.nmi == pytest.approx(1)
    assert quality.phone_purity == quality.cluster_purity == pytest.approx(1)
    assert quality.majority == pytest.approx(1 / 4)
    assert quality.perplexity == pytest.approx(4)
    assert (quality.num_used, quality.num_codes, quality.num_frames) == (4, 8, 100)


def test_finer_codes_are_still_pure_for_phones_but_split_them():
    labels = np.repeat(np.arange(4), 2)
    quality = unit_quality(np.arange(8), labels, num_codes=8, num_labels=4)
    assert quality.pnmi == pytest.approx(1)
    assert quality.nmi == pytest.approx(2 * math.log(4) / (math.log(4) + math.log(8)))
    assert quality.phone_purity == pytest.approx(1)
    assert quality.cluster_purity == pytest.approx(0.5)


def test_a_constant_code_has_no_information():
    labels = np.array([0, 0, 0, 1])
    quality = unit_quality(np.zeros(4, int), labels, num_codes=2, num_labels=2)
    assert quality.pnmi == pytest.approx(0)
    assert quality.phone_purity == quality.majority == pytest.approx(0.75)
    assert quality.cluster_purity == pytest.approx(1)
    assert quality.perplexity == pytest.approx(1)


def test_random_codes_are_at_chance():
    rng = np.random.default_rng(0)
    labels = rng.choice(PHONES, 50_000, p=np.arange(1, PHONES + 1) / 28)
    quality = unit_quality(rng.integers(0, CODES, 50_000), labels, CODES, PHONES)
    assert quality.pnmi == pytest.approx(quality.pnmi_shuffled, abs=3e-4)
    assert quality.pnmi < 1e-3
    assert quality.phone_purity == pytest.approx(7 / 28, abs=0.01)


def test_codes_of_the_speaker_have_no_information_on_phones():
    """Every speaker has the same phones, so that PNMI is exactly 0 and purity is the prior."""
    labels = np.tile([0, 0, 1, 2], 60)
    speakers = np.repeat(np.arange(6), 40)
    quality = unit_quality(speakers, labels, num_codes=6, num_labels=3)
    assert (quality.pnmi, quality.nmi) == pytest.approx((0, 0), abs=1e-12)
    assert quality.phone_purity == quality.majority == pytest.approx(0.5)
    assert quality.cluster_purity == pytest.approx(1 / 6)


def test_pnmi_is_information_over_the_phones_entropy_not_the_codes():
    # Two phones: the first has one code, the second has two.
    labels, codes = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2])
    quality = unit_quality(codes, labels, num_codes=3, num_labels=2)
    assert quality.pnmi == pytest.approx(1)
    exchanged = unit_quality(labels, codes, num_codes=2, num_labels=3)
    assert exchanged.pnmi == pytest.approx(math.log(2) / (1.5 * math.log(2)))


def test_information_agrees_with_sklearn(frames):
    codes, labels = frames
    counts = counted(codes, labels).counts
    occurring = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    np.testing.assert_array_equal(occurring.T, contingency_matrix(labels, codes))
    assert pnmi(counts) == pytest.approx(homogeneity_score(labels, codes))
    assert pnmi(counts.T) == pytest.approx(completeness_score(labels, codes))
    assert nmi(counts) == pytest.approx(v_measure_score(labels, codes))


def test_names_of_codes_and_phones_do_not_matter(frames):
    codes, labels = frames
    rng = np.random.default_rng(1)
    renamed = rng.permutation(CODES)[codes], rng.permutation(PHONES)[labels]
    one = unit_quality(codes, labels, CODES, PHONES)
    other = unit_quality(*renamed, CODES, PHONES)
    for name in ("pnmi", "nmi", "phone_purity", "majority", "cluster_purity", "perplexity"):
        assert getattr(other, name) == pytest.approx(getattr(one, name))


def test_counts_add_up_over_utterances(frames):
    codes, labels = frames
    labels = np.where(np.arange(5000) % 10 == 0, UNLABELED, labels)
    labels = np.where(np.arange(5000) % 10 == 1, EXCLUDED, labels)
    whole = counted(codes, labels)
    pieces = [counted(codes[at : at + 700], labels[at : at + 700]) for at in range(0, 5000, 700)]
    summed = sum(pieces[1:], pieces[0])
    np.testing.assert_array_equal(summed.counts, whole.counts)
    assert joint_quality(summed) == joint_quality(whole)
    assert (whole.num_unlabeled, whole.num_excluded) == (500, 500)


def test_shuffling_leaves_chance_only(frames):
    joint = counted(*frames)
    quality = joint_quality(joint, seed=1)
    assert quality.pnmi > 0.2
    assert 0 < quality.pnmi_shuffled < 0.02
    assert joint_quality(joint, seed=1) == quality
    assert joint_quality(joint, seed=2).pnmi_shuffled != quality.pnmi_shuffled


def test_shuffled_counts_are_those_of_a_permutation(frames):
    """Rows and columns keep their sums, and the mean information is what sklearn expects."""
    joint = counted(*frames)
    shuffled = [joint.shuffled(seed).counts for seed in range(100)]
    for counts in shuffled:
        np.testing.assert_array_equal(counts.sum(axis=0), joint.counts.sum(axis=0))
        np.testing.assert_array_equal(counts.sum(axis=1), joint.counts.sum(axis=1))
    occurring = joint.counts[joint.counts.any(axis=1)][:, joint.counts.any(axis=0)]
    expected = expected_mutual_information(occurring, 5000) / entropy(joint.counts.sum(axis=0))
    sampled = np.array([pnmi(counts) for counts in shuffled])
    assert sampled.mean() == pytest.approx(expected, abs=4 * sampled.std() / 10)


def test_the_shuffled_control_shows_the_bias_of_few_frames():
    rng = np.random.default_rng(0)
    independent = unit_quality(rng.integers(0, 64, 200), rng.integers(0, 33, 200), 64, 33)
    assert independent.pnmi > 0.4
    assert independent.pnmi_shuffled == pytest.approx(independent.pnmi, abs=0.05)


def test_frames_without_a_label_that_counts_are_left_out_and_counted():
    codes, labels = np.array([0, 1, 2, 2, 5]), np.array([0, 1, UNLABELED, EXCLUDED, 1])
    quality = unit_quality(codes, labels, num_codes=6, num_labels=2)
    assert (quality.num_frames, quality.num_unlabeled, quality.num_excluded) == (3, 1, 1)
    assert quality.num_used == 3
    assert quality.pnmi == pytest.approx(1)


def test_a_dictionary_made_on_one_half_is_tested_on_the_other():
    one = counted([0, 0, 0, 1], [2, 2, 0, 1])  # code 0 means 2, code 1 means 1, others 2
    other = counted([0, 0, 1, 4], [2, 0, 1, 2])
    # of the other: 2 right, 0 wrong, 1 right, and 4, which is new, is 2: 3 of 4.
    # of the one, where 0 means 0, the first of two as frequent: 0, 1 of its codes 0; 1 right.
    assert held_out_accuracy((one, other)) == pytest.approx((3 + 2) / 8)


def test_held_out_accuracy_does_not_grow_with_the_number_of_codes():
    """A code for each frame has perfect purity, and nothing of it holds for other frames."""
    labels = np.array([0] * 60 + [1] * 40)
    pair = (counted(np.arange(100), labels, 200), counted(np.arange(100, 200), labels, 200))
    assert joint_quality(pair[0] + pair[1]).phone_purity == pytest.approx(1)
    assert held_out_accuracy(pair) == pytest.approx(0.6) == joint_quality(pair[0]).majority


def test_codes_that_are_labels_hold_for_the_other_half():
    labels = np.repeat(np.arange(4), 25)
    pair = (counted(labels, labels), counted(labels[::-1], labels[::-1]))
    assert held_out_accuracy(pair) == 1
    assert math.isnan(held_out_accuracy((pair[0], JointCounts.none(CODES, PHONES))))


def test_halves_are_equal_and_keyed():
    names = [f"spk{number}" for number in range(10)]
    half = halves([*names, *names])
    assert sorted(half) == names and sum(half.values()) == 5
    assert halves(names) == half != halves(names, seed=1)


def test_no_label_at_all_is_an_error():
    with pytest.raises(UserError, match=r"none of 3 frames .*\(1 have one that"):
        unit_quality(np.zeros(3, int), np.array([UNLABELED, EXCLUDED, UNLABELED]), 2, 2)


def test_a_single_phone_has_no_information():
    assert math.isnan(unit_quality(np.array([0, 1]), np.array([0, 0]), 2, 2).pnmi)


def test_a_code_or_label_out_of_range_is_an_error():
    with pytest.raises(AssertionError, match="codebook"):
        counted([0, 4], [0, 1], num_codes=4)
    with pytest.raises(AssertionError, match="codebook"):
        counted([0, -1], [0, 1])
    with pytest.raises(AssertionError, match="inventory"):
        counted([0, 1], [0, 2], num_labels=2)
