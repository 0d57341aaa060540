"""Metrics that compare units with phone labels of the same frames.

Phone-normalized mutual information and the two purities are those of Hsu et al. 2021, "HuBERT";
p(phone, code) is the share of frames that have both. All metrics follow from how often each code
meets each phone, which is summed utterance by utterance, whatever the length of the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from wavenet_ae.errors import UserError, counted
from wavenet_ae.labels import EXCLUDED, UNLABELED
from wavenet_ae.randomness import keyed_permutation, keyed_seed


@dataclass(frozen=True)
class JointCounts:
    """Contingency table of codes and labels.

    Attributes:
        counts: `(K, L)` int64, frames with each code and label.
        num_unlabeled: Frames that no segment covers.
        num_excluded: Frames whose label the mapping excludes.
    """

    counts: np.ndarray
    num_unlabeled: int
    num_excluded: int

    @staticmethod
    def none(num_codes: int, num_labels: int) -> JointCounts:
        """Returns an empty table."""
        return JointCounts(np.zeros((num_codes, num_labels), np.int64), 0, 0)

    def added(self, codes: np.ndarray, labels: np.ndarray) -> JointCounts:
        """Returns the table with the frames of an utterance added.

        Args:
            codes: `(N,)` in 0 .. K - 1.
            labels: `(N,)` below L, or UNLABELED or EXCLUDED.
        """
        assert codes.shape == labels.shape and codes.ndim == 1, (codes.shape, labels.shape)
        num_codes, num_labels = self.counts.shape
        is_labeled = labels >= 0
        kept, kept_codes = labels[is_labeled], codes[is_labeled]
        assert ((codes >= 0) & (codes < num_codes)).all(), "a code is outside of the codebook"
        assert (kept < num_labels).all(), "a label is outside of the inventory"
        counts = self.counts.copy()
        np.add.at(counts, (kept_codes, kept), 1)
        return JointCounts(
            counts,
            self.num_unlabeled + int((labels == UNLABELED).sum()),
            self.num_excluded + int((labels == EXCLUDED).sum()),
        )

    def __add__(self, other: JointCounts) -> JointCounts:
        return JointCounts(
            self.counts + other.counts,
            self.num_unlabeled + other.num_unlabeled,
            self.num_excluded + other.num_excluded,
        )

    def shuffled(self, seed: int) -> JointCounts:
        """Returns the table that a random permutation of all labels would give.

        The counts are sampled with the same sums of rows and columns, from their distribution under
        such permutations.

        Args:
            seed: Key of the permutation.
        """
        generator = np.random.default_rng(keyed_seed(seed, "shuffled labels"))
        left, counts = self.counts.sum(axis=0), np.zeros_like(self.counts)
        frames = self.counts.sum(axis=1)
        for code in np.flatnonzero(frames):
            counts[code] = generator.multivariate_hypergeometric(
                left, frames[code], method="marginals"
            )
            left = left - counts[code]
        return replace(self, counts=counts)


@dataclass(frozen=True)
class UnitQuality:
    """Metrics of units over the labeled frames.

    Attributes:
        pnmi: I(code; phone) / H(phone): 0 if codes are independent of phones, 1 if they determine
            them; NaN with a single phone. Biased upwards on few frames.
        pnmi_shuffled: The same with labels in random order, the chance level of frames that are
            sampled one by one; runs of equal codes and labels make chance a little larger.
        nmi: 2 I(code; phone) / (H(code) + H(phone)), as acoustic unit discovery reports it (Ondel
            et al. 2018); lower if a phone is split into many codes.
        phone_purity: Sum over codes of max over phones of p(phone, code): the accuracy of a
            dictionary from codes to phones on the frames that it was made on (van den Oord et al.
            2017, "Neural discrete representation learning", sec. 4.3).
        majority: Share of the most frequent phone, the baseline of `phone_purity`.
        cluster_purity: Sum over phones of max over codes of p(phone, code).
        perplexity: exp of the codes' entropy, 1 to `num_codes`.
        num_used: Codes that occur.
        num_codes: Size of the codebook.
        num_frames: Labeled frames.
        num_unlabeled: Frames without a label, left out.
        num_excluded: Frames whose label the mapping excludes, left out.
    """

    pnmi: float
    pnmi_shuffled: float
    nmi: float
    phone_purity: float
    majority: float
    cluster_purity: float
    perplexity: float
    num_used: int
    num_codes: int
    num_frames: int
    num_unlabeled: int
    num_excluded: int


def unit_quality(
    codes: np.ndarray, labels: np.ndarray, num_codes: int, num_labels: int
) -> UnitQuality:
    """Computes the metrics of a single array of codes and labels.

    Args:
        codes: `(N,)` in 0 .. K - 1.
        labels: `(N,)` below L, or UNLABELED or EXCLUDED.
        num_codes: K.
        num_labels: L.

    Raises:
        UserError: If no frame has a label.
    """
    return joint_quality(JointCounts.none(num_codes, num_labels).added(codes, labels))


def joint_quality(joint: JointCounts, seed: int = 0) -> UnitQuality:
    """Computes the metrics of a contingency table.

    Args:
        joint: The table.
        seed: Key of the shuffled labels.

    Raises:
        UserError: If no frame has a label.
    """
    num_frames = int(joint.counts.sum())
    if not num_frames:
        total = joint.num_unlabeled + joint.num_excluded
        raise UserError(
            f"none of {counted(total, 'frame')} has a label that counts ({joint.num_excluded} have "
            "one that the mapping leaves out): do the label files and the mapping fit?"
        )
    share = joint.counts / num_frames
    return UnitQuality(
        pnmi=pnmi(joint.counts),
        pnmi_shuffled=pnmi(joint.shuffled(seed).counts),
        nmi=nmi(joint.counts),
        phone_purity=float(share.max(axis=1).sum()),
        majority=float(share.sum(axis=0).max()),
        cluster_purity=float(share.max(axis=0).sum()),
        perplexity=float(np.exp(_entropy(joint.counts.sum(axis=1)))),
        num_used=int((joint.counts.sum(axis=1) > 0).sum()),
        num_codes=len(joint.counts),
        num_frames=num_frames,
        num_unlabeled=joint.num_unlabeled,
        num_excluded=joint.num_excluded,
    )


def held_out_accuracy(halves: tuple[JointCounts, JointCounts]) -> float:
    """Returns the accuracy of a dictionary from codes to phones that was made on the other half.

    A code that the dictionary lacks stands for the most frequent phone of that half.

    Args:
        halves: Tables of two halves of the corpus.

    Returns:
        Share of correct frames over both halves; NaN if a half has no labeled frame.
    """
    pairs = (halves, halves[::-1])
    if not all(half.counts.any() for half in halves):
        return float("nan")
    right = sum(_named_rightly(made.counts, asked.counts) for made, asked in pairs)
    return right / sum(int(half.counts.sum()) for half in halves)


def halves(names: Sequence[str], seed: int = 0) -> dict[str, int]:
    """Assigns each distinct name to one of two halves of equal size, in random order.

    Args:
        names: Names of speakers or, with a single speaker, of utterances.
        seed: Key of the order.

    Returns:
        0 or 1 by name.
    """
    distinct = sorted(set(names))
    order = keyed_permutation(len(distinct), seed, "halves")
    return {distinct[row]: place % 2 for place, row in enumerate(order)}


def pnmi(joint: np.ndarray) -> float:
    """Returns I(code; phone) / H(phone) of joint counts `(K, L)`; NaN with a single phone."""
    phone_entropy = _entropy(joint.sum(axis=0))
    return _information(joint) / phone_entropy if phone_entropy else float("nan")


def nmi(joint: np.ndarray) -> float:
    """Returns 2 I(code; phone) / (H(code) + H(phone)) of joint counts `(K, L)`.

    It is NaN with a single code and a single phone.
    """
    entropies = _entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))
    return 2 * _information(joint) / entropies if entropies else float("nan")


def _named_rightly(made: np.ndarray, asked: np.ndarray) -> int:
    phones = np.where(made.any(axis=1), made.argmax(axis=1), made.sum(axis=0).argmax())  # (K,)
    return int(asked[np.arange(len(asked)), phones].sum())


def _information(joint: np.ndarray) -> float:
    # I(x; y) = H(x) + H(y) - H(x, y); each is a sum over counts above 0
    return _entropy(joint.sum(axis=1)) + _entropy(joint.sum(axis=0)) - _entropy(joint.ravel())


def _entropy(counts: np.ndarray) -> float:
    """Returns the entropy in nats of the distribution with these counts."""
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())
