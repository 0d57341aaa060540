"""The built-in corpus: its files, written once and always the same."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from wavenet_ae.data.toy.phones import LABELS
from wavenet_ae.data.toy.source import ToySource
from wavenet_ae.errors import UserError

SETTINGS = {"num_speakers": 2, "minutes": 0.5, "seed": 3}


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ToySource:
    made = ToySource(str(tmp_path_factory.mktemp("toy")), **SETTINGS)
    made.prepare()
    return made


def test_recordings_lie_under_the_root(source: ToySource) -> None:
    recordings = source.recordings()
    assert len(recordings) == 8  # 15 seconds of each speaker, 3.5 each
    assert [each.key for each in recordings] == sorted(each.key for each in recordings)
    assert all(each.path == source.root / each.key for each in recordings)
    assert {each.speaker for each in recordings} == {"spk00", "spk01"}
    assert len(digests(source.root)) == 2 * len(recordings)


def test_files_are_16_bit_at_16_khz_and_together_as_long_as_asked(source: ToySource) -> None:
    infos = [soundfile.info(each.path) for each in source.recordings()]
    assert {(info.samplerate, info.channels, info.subtype) for info in infos} == {
        (16_000, 1, "PCM_16")
    }
    assert all(2 <= info.duration <= 5 for info in infos)
    assert sum(info.duration for info in infos) == pytest.approx(30, abs=0.01)
    assert len({info.frames for info in infos}) > 4


def test_labels_tile_each_utterance_from_silence_to_silence(source: ToySource) -> None:
    for recording in source.recordings():
        lines = [line.split() for line in Path(recording.labels).read_text().splitlines()]
        begins, ends = ([int(line[column]) for line in lines] for column in (0, 1))
        assert begins[0] == 0 and begins[1:] == ends[:-1]
        assert ends[-1] == soundfile.info(recording.path).frames
        assert all(begin < end for begin, end in zip(begins, ends, strict=True))
        assert {line[2] for line in lines} <= set(LABELS)
        assert lines[0][2] == lines[-1][2] == "sil"
        assert 0.06 * 16_000 <= ends[-1] - begins[-1] < 0.6 * 16_000


def test_speech_is_louder_than_its_labeled_silence(source: ToySource) -> None:
    for recording in source.recordings():
        waveform, _ = soundfile.read(recording.path)
        lines = [line.split() for line in Path(recording.labels).read_text().splitlines()]
        first = waveform[: int(lines[0][1])]
        assert np.abs(waveform).max() <= 1
        assert 0.01 < waveform.std() < 0.25
        assert 0 < first.std() < 0.15 * waveform.std()  # 20 to 35 dB, and phones differ


def test_one_utterance_in_six_of_every_speaker_is_for_validation(tmp_path: Path) -> None:
    source = ToySource(str(tmp_path), num_speakers=2, minutes=1.4)
    source.prepare()
    for speaker in ("spk00", "spk01"):
        splits = [each.split for each in source.recordings() if each.speaker == speaker]
        assert len(splits) == 12
        assert splits.count("validation") == 2 and splits.count("train") == 10


def test_even_the_smallest_corpus_has_validation_of_every_speaker(tmp_path: Path) -> None:
    source = ToySource(str(tmp_path), num_speakers=1, minutes=7 / 60)
    source.prepare()
    assert [each.split for each in source.recordings()] == ["train", "validation"]


def test_the_same_settings_make_the_same_bytes(source: ToySource, tmp_path: Path) -> None:
    again = ToySource(str(tmp_path), **SETTINGS)
    again.prepare()
    assert digests(again.root) == digests(source.root)
    assert again.root.name == source.root.name
    other = ToySource(str(tmp_path), **{**SETTINGS, "seed": 4})
    assert other.root != again.root
    other.prepare()
    assert not set(digests(other.root).values()) & set(digests(again.root).values())


def test_no_two_utterances_are_alike(source: ToySource) -> None:
    def first_phones(path: str) -> str:
        return " ".join(line.split()[2] for line in Path(path).read_text().splitlines()[:7])

    assert len(set(digests(source.root).values())) == 16
    assert len({first_phones(each.labels) for each in source.recordings()}) == 8


def test_preparing_again_writes_nothing(source: ToySource) -> None:
    def times() -> list[int]:
        return [path.stat().st_mtime_ns for path in sorted(source.root.parent.rglob("*"))]

    # Not even a lock, so that a corpus on a read-only disk can be used.
    Path(f"{source.root}.lock").unlink(missing_ok=True)
    before = times()
    ToySource(str(source.root.parent), **SETTINGS).prepare()
    assert times() == before


def test_what_a_killed_run_left_is_not_taken_for_the_corpus(
    source: ToySource, tmp_path: Path
) -> None:
    killed = ToySource(str(tmp_path), **SETTINGS)
    unfinished = killed.root.with_suffix(".unfinished") / "spk00"
    unfinished.mkdir(parents=True)
    (unfinished / "spk00_999.wav").write_bytes(b"RIFF")
    killed.prepare()
    assert digests(killed.root) == digests(source.root)
    assert not unfinished.exists()


def test_runs_that_start_together_share_one_corpus(source: ToySource, tmp_path: Path) -> None:
    code = (
        "import sys; from wavenet_ae.data.toy.source import ToySource; "
        f"source = ToySource({str(tmp_path)!r}, **{SETTINGS!r}); source.prepare(); "
        "assert len(list(source.root.glob('*/*.wav'))) == 8; assert 'torch' not in sys.modules"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    assert digests(tmp_path / source.root.name) == digests(source.root)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_speakers": 0}, "data.source.num_speakers is 0"),
        ({"num_speakers": 10, "minutes": 1.0}, "data.source.minutes is 1.*at least 1.17"),
        ({"minutes": float("nan")}, "data.source.minutes is nan"),
    ],
)
def test_settings_that_cannot_be_met_are_errors(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ToySource("unused", **settings)
