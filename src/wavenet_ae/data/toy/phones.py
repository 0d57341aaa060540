"""Phones of the built-in corpus, as the synthesizer needs them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phone:
    """Acoustic targets of a phone for a voice of formant scale 1.

    Attributes:
        kind: vowel, nasal, approximant, fricative, stop, aspirate or silence.
        formants_hz: F1, F2 and F3.
        voice: Level of the voiced source, 1 in vowels.
        noise: Level of the noise band; in stops, of the burst only.
        center_hz: Center of the noise band.
        width_hz: Half width of the noise band, at which it is 4 dB down.
        zero_hz: Center of a nasal's antiresonance.
        milliseconds: Mean duration at a speaking rate of 1.
        blend: How far a short instance adopts the formants of its neighbors, 0 to 1.
    """

    kind: str
    formants_hz: tuple[float, float, float]
    voice: float
    noise: float = 0.0
    center_hz: float = 3000.0
    width_hz: float = 1000.0
    zero_hz: float = 1000.0
    milliseconds: float = 80.0
    blend: float = 0.35


def _vowel(f1: float, f2: float, f3: float, milliseconds: float) -> Phone:
    return Phone("vowel", (f1, f2, f3), 1.0, milliseconds=milliseconds, blend=1.0)


def _nasal(f2: float, f3: float, zero_hz: float) -> Phone:
    return Phone("nasal", (260, f2, f3), 0.5, zero_hz=zero_hz, milliseconds=75)


def _approximant(f1: float, f2: float, f3: float) -> Phone:
    return Phone("approximant", (f1, f2, f3), 0.7, milliseconds=75)


def _fricative(
    f2: float, f3: float, voice: float, noise: float, center: float, width: float, ms: float
) -> Phone:
    return Phone("fricative", (300, f2, f3), voice, noise, center, width, milliseconds=ms)


def _stop(f2: float, f3: float, voice: float, noise: float, center: float, width: float) -> Phone:
    return Phone("stop", (280, f2, f3), voice, noise, center, width, milliseconds=80)


# Vowels: Peterson and Barney (1952), men; loci of F2: Delattre, Liberman and Cooper (1955).
PHONES: dict[str, Phone] = {
    "sil": Phone("silence", (500, 1500, 2500), 0.0, milliseconds=150, blend=1.0),
    "iy": _vowel(270, 2290, 3010, 105),
    "ih": _vowel(390, 1990, 2550, 80),
    "eh": _vowel(530, 1840, 2480, 100),
    "ae": _vowel(660, 1720, 2410, 130),
    "aa": _vowel(730, 1090, 2440, 130),
    "ao": _vowel(570, 840, 2410, 120),
    "uh": _vowel(440, 1020, 2240, 80),
    "uw": _vowel(300, 870, 2240, 105),
    "ah": _vowel(640, 1190, 2390, 80),
    "er": _vowel(490, 1350, 1690, 110),
    "m": _nasal(1100, 2200, 900),
    "n": _nasal(1500, 2500, 1600),
    "ng": _nasal(2000, 2700, 2600),
    "l": _approximant(350, 1050, 2800),
    "r": _approximant(330, 1100, 1500),
    "w": _approximant(300, 650, 2300),
    "y": _approximant(280, 2250, 3000),
    "s": _fricative(1700, 2600, 0.0, 0.50, 5800, 1300, 105),
    "sh": _fricative(1800, 2500, 0.0, 0.50, 3200, 900, 105),
    "f": _fricative(1100, 2200, 0.0, 0.14, 4000, 3500, 95),
    "th": _fricative(1400, 2500, 0.0, 0.11, 5500, 2800, 90),
    "hh": Phone("aspirate", (500, 1500, 2500), 0.0, milliseconds=60, blend=1.0),
    "z": _fricative(1700, 2600, 0.35, 0.28, 5800, 1300, 85),
    "zh": _fricative(1800, 2500, 0.35, 0.28, 3200, 900, 80),
    "v": _fricative(1100, 2200, 0.40, 0.07, 4000, 3500, 65),
    "dh": _fricative(1400, 2500, 0.40, 0.05, 5500, 2800, 55),
    "p": _stop(900, 2200, 0.0, 0.25, 900, 900),
    "t": _stop(1750, 2700, 0.0, 0.45, 4300, 1500),
    "k": _stop(1900, 2300, 0.0, 0.45, 1900, 600),
    "b": _stop(900, 2200, 0.15, 0.15, 800, 800),
    "d": _stop(1750, 2700, 0.15, 0.25, 4000, 1500),
    "g": _stop(1900, 2300, 0.15, 0.25, 1800, 600),
}
LABELS: tuple[str, ...] = tuple(PHONES)
