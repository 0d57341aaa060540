"""Mutations of a file's bytes: what broken disks, editors, transfers and attackers make of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from wavenet_ae.randomness import keyed_seed

LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
# Numbers at which parsers and allocations break.
NUMBERS = (
    *(b"0", b"-1", b"1e999", b"-1e999", b"nan", b"inf", b"9" * 400, b"0." + b"0" * 400 + b"1"),
    *(b"2147483648", b"18446744073709551616", b"1000000", b"767999", b"0x10", b"1_000"),
)
# Texts that have a meaning to some parser.
TEXTS = (
    *(b"\t", b"\n", b"\r", b"\x00", b'"', b"'", b"\xff\xfe", b"\xef\xbb\xbf", b"../../etc/passwd"),
    *(b"{", b"}", b"[]", b"null", b"!!python/object/apply:os.system ['true']", b"${oc.env:HOME}"),
    *(
        b"_target_",
        b"builtins.eval",
        b"<script>alert(1)</script>",
        b"\xe2\x80\xae",
        b"\xed\xa0\x80",
    ),
)
DIGITS = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
MOST_BYTES = 1 << 20  # that a repetition may add


def flip_bits(data: bytearray, rng: np.random.Generator) -> bytes:
    for place in rng.integers(0, len(data), size=int(rng.integers(1, 9))):
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def flip_early_bits(data: bytearray, rng: np.random.Generator) -> bytes:
    """Flips bits of the first bytes, where headers are."""
    for place in rng.integers(0, min(len(data), 128), size=int(rng.integers(1, 5))):
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def truncate(data: bytearray, rng: np.random.Generator) -> bytes:
    return bytes(data[: int(rng.integers(0, len(data)))])


def zero_out(data: bytearray, rng: np.random.Generator) -> bytes:
    """Zeros a stretch, as a file system does after a crash."""
    first = int(rng.integers(0, len(data)))
    stop = min(len(data), first + int(rng.integers(1, 4096)))
    data[first:stop] = bytes(stop - first)
    return bytes(data)


def append(data: bytearray, rng: np.random.Generator) -> bytes:
    return bytes(data) + rng.bytes(int(rng.integers(1, 4096)))


def cut_out(data: bytearray, rng: np.random.Generator) -> bytes:
    first, stop = sorted(int(each) for each in rng.integers(0, len(data) + 1, size=2))
    return bytes(data[:first] + data[stop:])


def repeat(data: bytearray, rng: np.random.Generator) -> bytes:
    """Repeats a stretch up to 1000 times."""
    first, stop = sorted(int(each) for each in rng.integers(0, len(data) + 1, size=2))
    stretch = bytes(data[first:stop])
    times = int(rng.integers(1, 1001))
    times = min(times, max(1, MOST_BYTES // max(1, len(stretch))))
    return bytes(data[:first]) + stretch * times + bytes(data[first:])


def change_number(data: bytearray, rng: np.random.Generator) -> bytes:
    """Replaces a number of a text, or four bytes where there is none."""
    found = list(DIGITS.finditer(data))
    if not found:
        place = int(rng.integers(0, max(1, len(data) - 4)))
        data[place : place + 4] = (b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 4)[rng.integers(3)]
        return bytes(data)
    span = found[int(rng.integers(len(found)))]
    return bytes(data[: span.start()]) + _one_of(NUMBERS, rng) + bytes(data[span.end() :])


def insert_text(data: bytearray, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(0, len(data) + 1))
    return bytes(data[:place]) + _one_of(TEXTS, rng) + bytes(data[place:])


def shuffle_lines(data: bytearray, rng: np.random.Generator) -> bytes:
    lines = bytes(data).splitlines(keepends=True)
    return b"".join(lines[int(each)] for each in rng.permutation(len(lines)))


def replace_all(data: bytearray, rng: np.random.Generator) -> bytes:
    """Replaces the file by another kind of file."""
    others = (LFS_POINTER, b"", b"\0" * 1000, b"{}", b"[]", b"null", b"PK\x03\x04", b"a,b\n1\n")
    return _one_of(others, rng)


def _one_of(values: tuple[bytes, ...], rng: np.random.Generator) -> bytes:
    return values[int(rng.integers(len(values)))]


MUTATIONS: tuple[Callable[[bytearray, np.random.Generator], bytes], ...] = (
    *(flip_bits, flip_early_bits, truncate, zero_out, append, cut_out),
    *(repeat, change_number, change_number, insert_text, insert_text, shuffle_lines, replace_all),
)


def mutated(file: Path, *key: int | str) -> tuple[str, bytes]:
    """Returns the name of a mutation and the bytes that it makes of a file, chosen by a key."""
    rng = np.random.default_rng(keyed_seed("fuzz", *key))
    mutation = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
    return mutation.__name__, mutation(bytearray(file.read_bytes() or b"\n"), rng)
