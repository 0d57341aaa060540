"""Quality of reconstructions: distances from the original, intelligibility and voice."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec

import numpy as np
import torch

from wavenet_ae.metrics.distances import log_spectral_distance, mel_cepstral_distortion
from wavenet_ae.metrics.f0 import mean_f0
from wavenet_ae.metrics.reconstruction import Originals, Resynthesis, codes_of
from wavenet_ae.models import Autoencoder

PESQ_RATES = {8000: "nb", 16_000: "wb"}  # narrow and wide band: ITU-T P.862 and P.862.2
NAN = float("nan")


@dataclass(frozen=True)
class SoundQuality:
    """Metrics of one reconstruction; NaN if one cannot be computed.

    Attributes:
        lsd_db: Log-spectral distance from the original, see distances.py.
        mcd_db: Mel-cepstral distortion from the original, see distances.py.
        same_codes: Share of the reconstruction's own codes, of all streams, that equal the
            original's.
        f0_hz: Mean F0 over voiced frames.
        original_f0_hz: The same of the original.
        voice_f0_hz: Mean F0 of the speaker that conditions the decoder, in training recordings.
        pesq: PESQ, 1 to 4.6, at rates of 8 and 16 kHz (package pesq).
        stoi: STOI, about 0 to 1 (Taal et al. 2011; package pystoi).
    """

    lsd_db: float
    mcd_db: float
    same_codes: float
    f0_hz: float
    original_f0_hz: float
    voice_f0_hz: float
    pesq: float
    stoi: float


def sound_quality(
    model: Autoencoder, originals: Originals, sound: Resynthesis, samples: np.ndarray
) -> SoundQuality:
    """Computes the metrics of a reconstruction.

    Args:
        model: The model, in evaluation mode.
        originals: The original utterances.
        sound: What was reconstructed, and from what.
        samples: `(T,)` int16, as long as the original.
    """
    rate, original = model.sample_rate, originals.samples[sound.original]
    own, again = (codes_of(model, each) for each in (original, samples))
    coded = [name for name, codes in own.items() if not codes.is_floating_point()]
    are_same = [(own[name] == again[name]).flatten() for name in coded]
    return SoundQuality(
        lsd_db=log_spectral_distance(original, samples, rate).decibels,
        mcd_db=mel_cepstral_distortion(original, samples, rate).decibels,
        same_codes=float(torch.cat(are_same).float().mean()) if are_same else NAN,
        f0_hz=mean_f0(samples, rate),
        original_f0_hz=mean_f0(original, rate),
        voice_f0_hz=originals.voices.get(sound.voice, NAN),
        pesq=_pesq(original, samples, rate),
        stoi=_stoi(original, samples, rate),
    )


def missing_packages() -> list[str]:
    """Returns the packages for PESQ and STOI that are not installed."""
    return [name for name in ("pesq", "pystoi") if find_spec(name) is None]


def _pesq(original: np.ndarray, samples: np.ndarray, rate: int) -> float:
    if find_spec("pesq") is None or rate not in PESQ_RATES:
        return NAN
    from pesq import PesqError, pesq

    try:
        return float(pesq(rate, original, samples, PESQ_RATES[rate]))
    except (PesqError, ValueError):  # too short, or without speech
        return NAN


def _stoi(original: np.ndarray, samples: np.ndarray, rate: int) -> float:
    if find_spec("pystoi") is None:
        return NAN
    from pystoi import stoi

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it warns, and gives 1e-5, where there is too little speech
        try:
            return float(stoi(original.astype(float), samples.astype(float), rate))
        except (RuntimeWarning, ValueError):
            return NAN


@dataclass(frozen=True)
class Mean:
    """Mean over utterances.

    Attributes:
        value: The mean; NaN without values.
        error: Standard error of the mean; NaN with fewer than two values.
        count: Number of values.
    """

    value: float
    error: float
    count: int


def means(qualities: Sequence[SoundQuality]) -> Mapping[str, Mean]:
    """Returns the mean of each metric over the reconstructions that have it."""
    rows = [asdict(each) for each in qualities]
    return {name: mean([row[name] for row in rows]) for name in rows[0]}


def mean(values: Sequence[float]) -> Mean:
    """Returns the mean of the finite values and its standard error."""
    finite = np.array([each for each in values if np.isfinite(each)])
    if not len(finite):
        return Mean(NAN, NAN, 0)
    error = float(finite.std(ddof=1) / np.sqrt(len(finite))) if len(finite) > 1 else NAN
    return Mean(float(finite.mean()), error, len(finite))
