"""How well codes and phone labels of the same frames tell of each other.

Phone-normalised mutual information and the two purities are those of Hsu et al. 2021, "HuBERT";
p(phone, code) is the share of frames that have both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.labels import UNLABELLED
from wavenet_ae.randomness import keyed_permutation


@dataclass(frozen=True)
class UnitQuality:
    """Statistics over the labelled frames.

    pnmi            I(code; phone) / H(phone): 0 if codes tell nothing, 1 if they tell the phone;
                    nan if there is only one phone.  Biased upwards on few frames, hence:
    pnmi_shuffled   the same with the codes in random order, what chance gives
    phone_purity    sum over codes of max over phones of p(phone, code): the share of frames that
                    a dictionary from codes to phones gets right
    cluster_purity  sum over phones of max over codes of p(phone, code)
    perplexity      exp of the codes' entropy, 1 to `num_codes`
    num_used        codes that occur
    num_frames      frames that were counted; `num_unlabelled` others were left out
    """

    pnmi: float
    pnmi_shuffled: float
    phone_purity: float
    cluster_purity: float
    perplexity: float
    num_used: int
    num_codes: int
    num_frames: int
    num_unlabelled: int


def unit_quality(
    codes: np.ndarray, labels: np.ndarray, num_codes: int, num_labels: int, seed: int = 0
) -> UnitQuality:
    """Of `codes` (N,) in 0 .. num_codes - 1 and `labels` (N,), UNLABELLED or below num_labels.

    `seed` keys the order of the shuffled codes.  Raises UserError if no frame is labelled.
    """
    labelled = labels != UNLABELLED
    if not labelled.any():
        raise UserError(f"none of {len(labels)} frames has a phone label: do the label files fit?")
    codes, kept = codes[labelled], labels[labelled]
    joint = joint_counts(codes, kept, num_codes, num_labels)
    shuffled = codes[keyed_permutation(len(codes), seed, "shuffled codes")]
    share = joint / joint.sum()
    return UnitQuality(
        pnmi=pnmi(joint),
        pnmi_shuffled=pnmi(joint_counts(shuffled, kept, num_codes, num_labels)),
        phone_purity=float(share.max(axis=1).sum()),
        cluster_purity=float(share.max(axis=0).sum()),
        perplexity=float(np.exp(_entropy(joint.sum(axis=1)))),
        num_used=int((joint.sum(axis=1) > 0).sum()),
        num_codes=num_codes,
        num_frames=len(codes),
        num_unlabelled=int((~labelled).sum()),
    )


def joint_counts(
    codes: np.ndarray, labels: np.ndarray, num_codes: int, num_labels: int
) -> np.ndarray:
    """(num_codes, num_labels) int64: how many frames have both."""
    assert codes.shape == labels.shape and codes.ndim == 1, (codes.shape, labels.shape)
    assert codes.min() >= 0 and codes.max() < num_codes, "a code is outside of the codebook"
    assert labels.min() >= 0 and labels.max() < num_labels, "a label is outside of the inventory"
    pairs = np.bincount(codes * num_labels + labels, minlength=num_codes * num_labels)
    return pairs.reshape(num_codes, num_labels)


def pnmi(joint: np.ndarray) -> float:
    """I(code; phone) / H(phone) of joint counts (codes, phones); nan if there is one phone only."""
    phone_entropy = _entropy(joint.sum(axis=0))
    if phone_entropy == 0:
        return float("nan")
    # I(x; y) = H(x) + H(y) - H(x, y), all of them sums over what occurs
    information = _entropy(joint.sum(axis=1)) + phone_entropy - _entropy(joint.ravel())
    return information / phone_entropy


def _entropy(counts: np.ndarray) -> float:
    """Nats, of the distribution that has these counts."""
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())
