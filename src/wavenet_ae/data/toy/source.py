"""Built-in corpus: synthetic voices that speak random syllables, with exact times of all phones.

    <root>/<settings>/spk03/spk03_007.wav   16 bit, 16 kHz, 2 to 5 seconds
                            spk03_007.phn   "begin end phone" per line, in samples

It needs no download, and because its phones are known, it shows whether codes carry phones. Each
utterance is a pure function of (seed, speaker, utterance), whatever else the corpus holds.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import oaconvolve

from wavenet_ae.data.recordings import Recording, Source
from wavenet_ae.data.toy.formants import (
    SAMPLE_RATE,
    Segment,
    Voice,
    sample_durations,
    sample_voice,
    tilted,
    utter,
)
from wavenet_ae.data.toy.phones import LABELS, PHONES
from wavenet_ae.errors import UserError, counted
from wavenet_ae.ownership import use_in_turn
from wavenet_ae.progress import Progress
from wavenet_ae.randomness import keyed_seed
from wavenet_ae.schema import Positive, PositiveNumber
from wavenet_ae.storage import write_errors

log = logging.getLogger(__name__)

VERSION = 1  # increased when the sound changes, which makes another folder
SHORTEST_SECONDS, MEAN_SECONDS, LONGEST_SECONDS = 2.0, 3.5, 5.0
ONE_IN = 6  # every sixth utterance of a speaker is for validation

VOWELS = [label for label in LABELS if PHONES[label].kind == "vowel"]
CONSONANTS = [label for label in LABELS if PHONES[label].kind not in ("vowel", "silence")]
INITIALS = [label for label in CONSONANTS if label != "ng"]
FINALS = ["m", "n", "ng", "l", "r", "s", "z", "sh", "f", "t", "k", "d"]


class ToySource(Source):
    """Source that synthesizes a corpus once and lists its recordings.

    Args:
        root: Folder below which the corpus gets a folder of its own, named by a hash of the
            settings.
        num_speakers: Number of voices.
        minutes: Speech in total.
        seed: Key of all random choices.

    Attributes:
        root: The corpus's own folder.

    Raises:
        UserError: If there is no speaker, or a speaker would have fewer than two utterances.
    """

    def __init__(
        self, root: str, num_speakers: Positive = 10, minutes: PositiveNumber = 12.5, seed: int = 0
    ) -> None:
        if num_speakers < 1:
            raise UserError(f"data.source.num_speakers is {num_speakers}, but must be at least 1")
        least = num_speakers * 2 * MEAN_SECONDS / 60
        if not minutes >= least:
            raise UserError(
                f"data.source.minutes is {minutes:g}, too little for two utterances of each of "
                f"{counted(num_speakers, 'speaker')}: set at least {least:.2f}, or fewer speakers "
                "(data.source.num_speakers)"
            )
        self.num_speakers = num_speakers
        self.seconds = minutes * 60 / num_speakers  # per speaker
        self.seed = seed
        settings = [VERSION, num_speakers, float(minutes), seed]
        name = hashlib.blake2b(json.dumps(settings).encode(), digest_size=6).hexdigest()
        self.root = Path(root).expanduser() / name

    def prepare(self) -> None:
        """Synthesizes the corpus, unless it exists; runs that start together wait for the first."""
        if self.root.is_dir():
            return
        with use_in_turn(self.root.with_suffix(".lock"), "synthesizes this corpus"):
            if not self.root.is_dir():  # asked again: another run may have made it
                self._synthesize()

    def recordings(self) -> list[Recording]:
        """Returns all recordings in order of their keys; one in six is for validation."""
        return [
            Recording(
                key=path.relative_to(self.root).as_posix(),
                path=path,
                speaker=path.parent.name,
                split="validation" if int(path.stem.rsplit("_")[-1]) % ONE_IN == 1 else "train",
                labels=str(path.with_suffix(".phn")),
            )
            for path in sorted(self.root.glob("*/*.wav"))
        ]

    def _synthesize(self) -> None:
        log.info(
            "synthesizing %.1f minutes into %s", self.seconds * self.num_speakers / 60, self.root
        )
        unfinished = self.root.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)  # leftovers of a killed run
        with Progress("synthesizing", self.num_speakers) as progress:
            for number in range(self.num_speakers):
                self._synthesize_speaker(unfinished, number)
                done = f"{number + 1}/{counted(self.num_speakers, 'speaker')}"
                progress.at(number + 1, f"synthesizing: {done}")
        unfinished.rename(self.root)  # last, so that the folder is complete when it appears

    def _synthesize_speaker(self, corpus: Path, number: int) -> None:
        folder = corpus / f"spk{number:02d}"
        folder.mkdir(parents=True)
        speaker = sample_voice(self._generator("speaker", number))
        for index, num_samples in enumerate(self._lengths(number)):
            rng = self._generator("utterance", number, index)
            waveform, segments = make_utterance(speaker, num_samples, rng)
            _write(folder / f"{folder.name}_{index:03d}", waveform, segments)

    def _generator(self, purpose: str, *index: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(keyed_seed(self.seed, purpose, *index)))

    def _lengths(self, speaker: int) -> list[int]:
        """Returns the length of each of a speaker's utterances; their sum is the same for all
        speakers.
        """
        count = round(self.seconds / MEAN_SECONDS)
        mean = self.seconds / count
        room = min(mean - SHORTEST_SECONDS, LONGEST_SECONDS - mean)
        rng = self._generator("lengths", speaker)
        half = rng.uniform(-room, room, count // 2)
        deviations = rng.permutation(np.concatenate([half, -half, np.zeros(count % 2)]))
        return [int((mean + deviation) * SAMPLE_RATE) for deviation in deviations]


def make_utterance(
    speaker: Voice, num_samples: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[Segment]]:
    """Synthesizes an utterance of random syllables, recorded in a room with noise.

    Args:
        speaker: The voice.
        num_samples: Length of the utterance.
        rng: Source of all random choices.

    Returns:
        The waveform `(num_samples,)` float32 within [-1, 1], and its segments.
    """
    phones = _random_phones(num_samples, rng)
    durations = sample_durations(phones, speaker, rng)
    # Stop so that between 60 and about 300 ms are left for the silence at the end.
    fits = int(np.searchsorted(np.cumsum(durations), num_samples - SAMPLE_RATE * 60 // 1000))
    phones, durations = [*phones[:fits], "sil"], durations[: fits + 1]
    durations[-1] = num_samples - durations[:-1].sum()
    waveform, segments = utter(phones, durations, speaker, rng)
    return _recorded(waveform, rng), segments


def _random_phones(num_samples: int, rng: np.random.Generator) -> list[str]:
    """Returns silence, then syllables, some followed by silence; longer than `num_samples`."""
    phones = ["sil"]
    for _ in range(num_samples * 10 // SAMPLE_RATE + 2):  # a second holds fewer than ten syllables
        phones += [str(rng.choice(INITIALS)), str(rng.choice(VOWELS))]
        if rng.random() < 0.35:
            phones.append(str(rng.choice(FINALS)))
        if rng.random() < 0.1:
            phones.append("sil")
    return phones


def _recorded(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns speech of power 1 in a small room, with noise 20 to 35 dB below it, at a random
    level.
    """
    num_samples = len(waveform)
    decay_seconds = rng.uniform(0.08, 0.25)  # to -60 dB
    time = np.arange(int(decay_seconds * SAMPLE_RATE)) / SAMPLE_RATE
    room = rng.standard_normal(len(time)) * 10 ** (-3 * time / decay_seconds)
    room *= 10 ** (rng.uniform(-26, -14) / 20) / np.sqrt(np.sum(room**2))
    room[0] = 1.0
    reverberant = oaconvolve(waveform, room)[:num_samples]
    noise = _colored_noise(num_samples, rng.uniform(1, 5), rng)
    snr_db = rng.uniform(20, 35)
    noisy = reverberant / np.sqrt(np.mean(reverberant**2)) + 10 ** (-snr_db / 20) * noise
    level = 10 ** (rng.normal(-24, 2.5) / 20)
    return np.clip(noisy * level, -1, 1).astype(np.float32)


def _colored_noise(num_samples: int, fall_db: float, rng: np.random.Generator) -> np.ndarray:
    """Returns noise `(num_samples,)` of power 1 that falls by `fall_db` per octave above 100 Hz."""
    noise = tilted(rng.standard_normal(num_samples), -fall_db, 100)
    return noise / np.sqrt(np.mean(noise**2))


def _write(stem: Path, waveform: np.ndarray, segments: list[Segment]) -> None:
    """Writes `stem`.wav and `stem`.phn."""
    levels = np.round(waveform * 32767).astype(np.int16)
    recording = io.BytesIO()  # libsndfile would lose the reason why a file cannot be written
    soundfile.write(recording, levels, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    lines = [f"{each.begin} {each.end} {each.phone}\n" for each in segments]
    contents = {".wav": recording.getvalue(), ".phn": "".join(lines).encode()}
    for suffix, content in contents.items():
        file = stem.with_suffix(suffix)
        with write_errors(file):
            file.write_bytes(content)
