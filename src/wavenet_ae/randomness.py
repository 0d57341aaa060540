"""Random numbers as pure functions of a key, such as `(seed, purpose, epoch)`.

The functions keep no state, so a checkpoint has nothing to save, and code that ran before changes
nothing. The bits are Philox's raw output (Salmon et al. 2011, "Parallel random numbers: as easy as
1, 2, 3"), not numpy's distributions, whose streams may change from version to version.
"""

from __future__ import annotations

import hashlib
import math
import operator

import numpy as np

Part = int | str


def keyed_seed(*parts: Part) -> int:
    """Hashes a key to a seed in [0, 2**63).

    Args:
        *parts: The key. `1` and `"1"` differ, and so do `"ab", "c"` and `"abc"`.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        kind, text = ("s", part) if isinstance(part, str) else ("i", str(operator.index(part)))
        encoded = text.encode("utf-8", "surrogateescape")  # names of files
        # The length in front keeps neighboring parts apart.
        digest.update(f"{kind}{len(encoded)}:".encode() + encoded)
    return int.from_bytes(digest.digest(), "big") >> 1


def keyed_bits(size: int, *parts: Part) -> np.ndarray:
    """Returns `(size,)` uint64 raw random bits.

    A longer array of the same key begins with the shorter one.

    Args:
        size: Number of values.
        *parts: The key, as in `keyed_seed`.
    """
    return np.random.Philox(key=keyed_seed(*parts), counter=0).random_raw(size)


def keyed_permutation(size: int, *parts: Part) -> np.ndarray:
    """Returns `(size,)` int64, the numbers `0 .. size-1` in random order.

    Args:
        size: Number of values.
        *parts: The key, as in `keyed_seed`.
    """
    # Stable, so that even equal bits are ordered alike by every version of numpy.
    return np.argsort(keyed_bits(size, *parts), kind="stable")


def keyed_uniform(shape: tuple[int, ...], *parts: Part) -> np.ndarray:
    """Returns float32 uniform in [0, 1): multiples of 2**-24, which float32 holds exactly.

    Args:
        shape: Shape of the result.
        *parts: The key, as in `keyed_seed`.
    """
    bits = keyed_bits(math.prod(shape), *parts)
    return ((bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)).reshape(shape)


def keyed_normal(shape: tuple[int, ...], *parts: Part) -> np.ndarray:
    """Returns float32 standard normal values (Box and Muller 1958), computed in float64.

    Args:
        shape: Shape of the result.
        *parts: The key, as in `keyed_seed`.
    """
    size = math.prod(shape)
    pairs = keyed_bits(size + size % 2, *parts).reshape(-1, 2) >> np.uint64(11)  # 53 bits each
    radius = np.sqrt(-2 * np.log((pairs[:, 0] + 1.0) * 2**-53))  # of a uniform in (0, 1]
    angle = 2 * math.pi * (pairs[:, 1] * 2**-53)
    normal = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)  # (pairs, 2)
    return normal.reshape(-1)[:size].astype(np.float32).reshape(shape)
