"""Named corpora that torchaudio.datasets lists and, if requested, downloads.

    LibriSpeech      <root>/LibriSpeech/train-clean-100/103/1240/103-1240-0000.flac
    LibriTTS         <root>/LibriTTS/train-clean-100/103/1241/103_1241_000000_000001.wav
    VCTK 0.92        <root>/VCTK-Corpus-0.92/wav48_silence_trimmed/p225/p225_001_mic2.flac
    LJSpeech         <root>/LJSpeech-1.1/wavs/LJ001-0001.wav
    Speech Commands  <root>/SpeechCommands/speech_commands_v0.02/bed/00176480_nohash_0.wav

torchaudio knows the layouts, addresses and checksums. It opens no recording: packing decodes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.data.archive_source import ArchivedSource
from wavenet_ae.data.downloads import Archive
from wavenet_ae.data.recordings import Recording
from wavenet_ae.errors import UserError, nearest


class _LibriSource(ArchivedSource):
    """Corpus of subsets train-*, dev-* and test-*, each an archive.

    If train-* are among the given subsets, dev-* are used for validation and test-* for testing.
    All other recordings are split by hash: train-* without any dev-*, and dev-* and test-* without
    any train-*.
    """

    name: ClassVar[str]
    dataset: ClassVar[Any]
    num_recordings: ClassVar[dict[str, int]]  # by subset
    separator: ClassVar[str]  # between reader, chapter and utterance in the name of a file

    def __init__(
        self, root: str, subsets: Sequence[str] = ("train-clean-100",), download: bool = False
    ) -> None:
        if not subsets:
            raise UserError("data.source.subsets is empty: set some, such as [train-clean-100]")
        for each in subsets:
            if each not in self.num_recordings:
                raise UserError(
                    f"data.source.subsets: {each!r} is not a subset of {self.name}."
                    f"{nearest(each, self.num_recordings)}"
                )
        archives = [
            Archive(
                name=f"{each}.tar.gz",
                folder=f"{self.name}/{each}",
                dataset=partial(self.dataset, url=each),
                num_recordings=self.num_recordings[each],
            )
            for each in dict.fromkeys(subsets)
        ]
        super().__init__(root, archives, download)

    def _listed(self, archive: Archive) -> Iterator[Recording]:
        dataset = archive.dataset(str(self.above))
        for utterance in dataset._walker:
            speaker, chapter, *_ = utterance.split(self.separator)
            path = Path(dataset._path, speaker, chapter, f"{utterance}{dataset._ext_audio}")
            yield self._recording(path, speaker, self._split(archive))

    def _split(self, archive: Archive) -> str | None:
        kinds = {each.name.split("-")[0] for each in self.archives}
        kind = archive.name.split("-")[0]
        if "train" not in kinds or (kind == "train" and "dev" not in kinds):
            return None
        return {"train": "train", "dev": "validation", "test": "test"}[kind]


class LibriSpeechSource(_LibriSource):
    """LibriSpeech, 16 kHz; the speaker is the reader's number.

    Args:
        root: Folder that holds LibriSpeech/, or will hold it.
        subsets: Subsets such as train-clean-100.
        download: Whether to download missing subsets.

    Raises:
        UserError: If no subset is given, or one is unknown.
    """

    name, separator = "LibriSpeech", "-"
    dataset = torchaudio.datasets.LIBRISPEECH
    num_recordings: ClassVar = {
        "dev-clean": 2703,
        "dev-other": 2864,
        "test-clean": 2620,
        "test-other": 2939,
        "train-clean-100": 28539,
        "train-clean-360": 104014,
        "train-other-500": 148688,
    }


class LibriTTSSource(_LibriSource):
    """LibriTTS, 24 kHz; the speaker is the reader's number.

    Args:
        root: Folder that holds LibriTTS/, or will hold it.
        subsets: Subsets such as train-clean-100.
        download: Whether to download missing subsets.

    Raises:
        UserError: If no subset is given, or one is unknown.
    """

    name, separator = "LibriTTS", "_"
    dataset = torchaudio.datasets.LIBRITTS
    num_recordings: ClassVar = {
        "dev-clean": 5736,
        "dev-other": 4613,
        "test-clean": 4837,
        "test-other": 5120,
        "train-clean-100": 33236,
        "train-clean-360": 116500,
        "train-other-500": 205044,
    }


class VCTKSource(ArchivedSource):
    """VCTK 0.92, 48 kHz, from one of its two microphones; without p315, who has no transcripts.

    Args:
        root: Folder that holds VCTK-Corpus-0.92/, or will hold it.
        mic_id: Microphone; mic1 has one speaker more, p280.
        download: Whether to download the corpus if it is missing.
    """

    def __init__(
        self, root: str, mic_id: Literal["mic1", "mic2"] = "mic2", download: bool = False
    ) -> None:
        name = "VCTK-Corpus-0.92"
        dataset = partial(torchaudio.datasets.VCTK_092, mic_id=mic_id)
        super().__init__(root, [Archive(f"{name}.zip", name, dataset)], download)

    def _listed(self, archive: Archive) -> Iterator[Recording]:
        dataset = archive.dataset(str(self.above))
        for speaker, utterance in dataset._sample_ids:
            name = f"{speaker}_{utterance}_{dataset._mic_id}{dataset._audio_ext}"
            yield self._recording(Path(dataset._audio_dir, speaker, name), speaker)


class LJSpeechSource(ArchivedSource):
    """LJSpeech 1.1, 22.05 kHz; the only speaker is called LJ.

    Args:
        root: Folder that holds LJSpeech-1.1/, or will hold it.
        download: Whether to download the corpus if it is missing.
    """

    def __init__(self, root: str, download: bool = False) -> None:
        name, dataset = "LJSpeech-1.1", torchaudio.datasets.LJSPEECH
        super().__init__(root, [Archive(f"{name}.tar.bz2", name, dataset, 13100)], download)

    def _listed(self, archive: Archive) -> Iterator[Recording]:
        dataset = archive.dataset(str(self.above))
        for utterance, *_ in dataset._flist:
            yield self._recording(dataset._path / f"{utterance}.wav", "LJ")


class SpeechCommandsSource(ArchivedSource):
    """Speech Commands, words at 16 kHz; the corpus's own lists define the splits.

    Args:
        root: Folder that holds SpeechCommands/, or will hold it.
        version: Release of the corpus.
        download: Whether to download the corpus if it is missing.
    """

    num_recordings: ClassVar = {"speech_commands_v0.01": 64721, "speech_commands_v0.02": 105829}

    def __init__(
        self,
        root: str,
        version: Literal["speech_commands_v0.01", "speech_commands_v0.02"] = (
            "speech_commands_v0.02"
        ),
        download: bool = False,
    ) -> None:
        dataset = partial(torchaudio.datasets.SPEECHCOMMANDS, url=version)
        folder, number = f"SpeechCommands/{version}", self.num_recordings.get(version)
        super().__init__(root, [Archive(f"{version}.tar.gz", folder, dataset, number)], download)

    def _listed(self, archive: Archive) -> Iterator[Recording]:
        for subset, split in (
            ("training", "train"),
            ("validation", "validation"),
            ("testing", "test"),
        ):
            dataset = archive.dataset(str(self.above), subset=subset)
            for index in range(len(dataset)):
                path, _, _, speaker, _ = dataset.get_metadata(index)
                yield self._recording(path, speaker, split)
