"""Windows of one speaker side by side: how many such groups there are, and which windows they have.

    windows, permuted    a3 b1 a7 b9 c2 a1 b4 a5      three speakers
    groups of two        a3 a7 | a1 a5 | b1 b9        b4 and c2 are left to other epochs

The number of groups follows from the numbers of windows alone, so that a position in the order is
found without listing any.
"""

from __future__ import annotations

import numpy as np


def count_groups(
    counts: np.ndarray, buffers: np.ndarray, speakers: np.ndarray, num_buffers: int, size: int
) -> np.ndarray:
    """Returns how many groups each buffer has, `(N,)` int64.

    Args:
        counts: `(U,)` windows of each utterance.
        buffers: `(U,)` buffer of each utterance, from 0 to N - 1.
        speakers: `(U,)` speaker of each utterance, at least 0.
        num_buffers: N.
        size: Windows of a group.
    """
    num_speakers = int(speakers.max(initial=0)) + 1
    pairs, pair_of = np.unique(buffers * num_speakers + speakers, return_inverse=True)
    windows = np.bincount(pair_of, weights=counts, minlength=len(pairs)).astype(np.int64)
    groups = np.bincount(pairs // num_speakers, weights=windows // size, minlength=num_buffers)
    return groups.astype(np.int64)


def speaker_groups(permuted: np.ndarray, speakers: np.ndarray, size: int) -> np.ndarray:
    """Groups permuted windows by their speakers; a speaker's last, incomplete group is left out.

    Args:
        permuted: `(M,)` int64, numbers of the windows in a random order.
        speakers: `(M,)` int64, speaker of each window by its number.
        size: Windows of a group.

    Returns:
        `(G, size)` int64 numbers of windows: each row is of one speaker, rows ordered by speaker,
        and the windows of a speaker in the permuted order.
    """
    of_permuted = speakers[permuted]
    by_speaker = np.argsort(of_permuted, kind="stable")
    _, first, counts = np.unique(of_permuted[by_speaker], return_index=True, return_counts=True)
    nth = np.arange(len(permuted)) - np.repeat(first, counts)  # 0, 1, ... of each speaker
    is_kept = nth < np.repeat(counts // size * size, counts)
    return permuted[by_speaker[is_kept]].reshape(-1, size)
