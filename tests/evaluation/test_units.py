"""Code statistics with answers that are known by hand or by scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.units import joint_counts, pnmi, unit_quality

PHONES, CODES = 7, 12


@pytest.fixture
def frames() -> tuple[np.ndarray, np.ndarray]:
    """Codes that tell something of the labels."""
    rng = np.random.default_rng(0)
    labels = rng.choice(PHONES, 5000, p=rng.dirichlet(np.ones(PHONES)))
    noisy = rng.random(5000) < 0.4
    return np.where(noisy, rng.integers(0, CODES, 5000), labels + 3), labels


def test_codes_that_are_the_labels_are_perfect() -> None:
    labels = np.repeat(np.arange(4), 25)
    quality = unit_quality(3 - labels, labels, num_codes=8, num_labels=4)
    assert quality.pnmi == pytest.approx(1)
    assert quality.phone_purity == quality.cluster_purity == pytest.approx(1)
    assert quality.perplexity == pytest.approx(4)
    assert (quality.num_used, quality.num_codes, quality.num_frames) == (4, 8, 100)


def test_finer_codes_are_still_pure_for_phones_but_split_them() -> None:
    labels = np.repeat(np.arange(4), 2)
    quality = unit_quality(np.arange(8), labels, num_codes=8, num_labels=4)
    assert quality.pnmi == pytest.approx(1)
    assert quality.phone_purity == pytest.approx(1)
    assert quality.cluster_purity == pytest.approx(0.5)


def test_one_code_for_everything_tells_nothing() -> None:
    labels = np.array([0, 0, 0, 1])
    quality = unit_quality(np.zeros(4, int), labels, num_codes=2, num_labels=2)
    assert quality.pnmi == pytest.approx(0)
    assert quality.phone_purity == pytest.approx(0.75)
    assert quality.cluster_purity == pytest.approx(1)
    assert quality.perplexity == pytest.approx(1)


def test_pnmi_is_information_over_the_phones_entropy_not_the_codes() -> None:
    # Two phones, one code each but for the second, whose frames have two codes.
    labels, codes = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2])
    quality = unit_quality(codes, labels, num_codes=3, num_labels=2)
    assert quality.pnmi == pytest.approx(1)
    exchanged = unit_quality(labels, codes, num_codes=2, num_labels=3)
    assert exchanged.pnmi == pytest.approx(math.log(2) / (1.5 * math.log(2)))


def test_pnmi_agrees_with_sklearn(frames: tuple[np.ndarray, np.ndarray]) -> None:
    codes, labels = frames
    expected = mutual_info_score(codes, labels) / entropy(np.bincount(labels))
    assert pnmi(joint_counts(codes, labels, CODES, PHONES)) == pytest.approx(expected)


def test_names_of_codes_and_phones_do_not_matter(frames: tuple[np.ndarray, np.ndarray]) -> None:
    codes, labels = frames
    rng = np.random.default_rng(1)
    renamed = rng.permutation(CODES)[codes], rng.permutation(PHONES)[labels]
    one = unit_quality(codes, labels, CODES, PHONES)
    other = unit_quality(*renamed, CODES, PHONES)
    assert other.pnmi == pytest.approx(one.pnmi)
    assert other.phone_purity == pytest.approx(one.phone_purity)
    assert other.cluster_purity == pytest.approx(one.cluster_purity)
    assert other.perplexity == pytest.approx(one.perplexity)


def test_shuffling_leaves_chance_only(frames: tuple[np.ndarray, np.ndarray]) -> None:
    codes, labels = frames
    quality = unit_quality(codes, labels, CODES, PHONES, seed=1)
    assert quality.pnmi > 0.2
    assert 0 < quality.pnmi_shuffled < 0.02
    again = unit_quality(codes, labels, CODES, PHONES, seed=1)
    assert again == quality
    assert unit_quality(codes, labels, CODES, PHONES, seed=2).pnmi_shuffled != again.pnmi_shuffled


def test_few_frames_flatter_and_the_control_says_so() -> None:
    rng = np.random.default_rng(0)
    independent = unit_quality(rng.integers(0, 64, 200), rng.integers(0, 33, 200), 64, 33)
    assert independent.pnmi > 0.4
    assert independent.pnmi_shuffled == pytest.approx(independent.pnmi, abs=0.05)


def test_unlabelled_frames_are_left_out_and_counted() -> None:
    codes, labels = np.array([0, 1, 2, 2, 5]), np.array([0, 1, -1, -1, 1])
    quality = unit_quality(codes, labels, num_codes=6, num_labels=2)
    assert (quality.num_frames, quality.num_unlabelled, quality.num_used) == (3, 2, 3)
    assert quality.pnmi == pytest.approx(1)


def test_no_label_at_all_is_an_error() -> None:
    with pytest.raises(UserError, match="none of 3 frames"):
        unit_quality(np.zeros(3, int), np.full(3, -1), 2, 2)


def test_one_phone_has_no_information_to_give() -> None:
    assert math.isnan(unit_quality(np.array([0, 1]), np.array([0, 0]), 2, 2).pnmi)


def test_a_code_outside_of_the_codebook_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="codebook"):
        joint_counts(np.array([0, 4]), np.array([0, 1]), num_codes=4, num_labels=2)
