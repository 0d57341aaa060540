"""Reading is exact or an error with a reason; writing is complete or leaves nothing."""

import os
import re

import numpy as np
import pytest
import soundfile
from helpers.full_disk import files_limited_to

from wavenet_ae.audio import decoding
from wavenet_ae.audio import io as files
from wavenet_ae.audio.frames import mpeg_samples
from wavenet_ae.errors import UserError

RATE = 16000


def speechlike(num_samples=RATE, seed=0):
    """Band-limited noise well below full scale, (T,) int16."""
    noise = np.random.default_rng(seed).normal(size=num_samples)
    return (2000 * np.convolve(noise, np.hanning(9), mode="same")).astype(np.int16)


def save(path, samples, rate=RATE, **how):
    soundfile.write(path, samples, rate, **how)
    return path


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        *((container, "PCM_16") for container in ("WAV", "FLAC", "NIST", "AIFF", "AU", "W64")),
        *(("WAV", subtype) for subtype in ("PCM_32", "FLOAT", "DOUBLE")),
    ],
)
def test_sixteen_bits_come_back_exactly_whatever_the_suffix_says(tmp_path, container, subtype):
    samples = speechlike()
    samples[:2] = -32768, 32767
    path = save(
        tmp_path / "x.wav",
        samples.astype(np.float64) / 32768 if subtype in ("FLOAT", "DOUBLE") else samples,
        format=container,
        subtype=subtype,
    )
    pcm = files.read(path, RATE)
    np.testing.assert_array_equal(pcm.samples, samples)
    assert pcm.samples.dtype == np.int16
    assert (pcm.source_rate, pcm.num_channels, pcm.num_clipped) == (RATE, 1, 0)


@pytest.mark.parametrize(
    ("container", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)]
)
def test_lossy_formats_keep_length_and_place(tmp_path, container, subtype):
    samples = speechlike()
    path = save(tmp_path / "x", samples, format=container, subtype=subtype)
    pcm = files.read(path, RATE)
    assert len(pcm.samples) == len(samples)
    assert np.corrcoef(pcm.samples, samples)[0, 1] > 0.9  # a shift of one sample gives < 0.9


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_resampling_keeps_pitch_level_and_duration(tmp_path, rate):
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
    pcm = files.read(save(tmp_path / "tone.wav", tone, rate), RATE)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    assert abs(len(pcm.samples) - RATE) <= RATE // 1000
    middle = slice(2000, 14000)  # the filter rings at the ends
    np.testing.assert_allclose(pcm.samples[middle] / 32768, expected[middle], atol=0.01)
    assert (pcm.sample_rate, pcm.source_rate) == (RATE, rate)


def test_channels_are_averaged_or_one_is_chosen(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "BLOCK_FRAMES", 1000)  # many blocks, the last one short
    left, right = speechlike(seed=1, num_samples=4321), speechlike(seed=2, num_samples=4321)
    path = save(tmp_path / "both.wav", np.stack([left, right], axis=1))
    np.testing.assert_array_equal(files.read(path, RATE, channel=0).samples, left)
    np.testing.assert_array_equal(files.read(path, RATE, channel=1).samples, right)
    mean = np.rint((left.astype(float) + right) / 2)
    np.testing.assert_array_equal(files.read(path, RATE).samples, mean)
    assert files.read(path, RATE).num_channels == 2
    with pytest.raises(files.AudioError, match="no channel 2, only 0 to 1"):
        files.read(path, RATE, channel=2)


def test_samples_beyond_full_scale_are_clipped_and_counted(tmp_path):
    wave = np.array([0.0, 1.0, -1.0, 1.5, -1.5, 0.5], dtype=np.float32)
    pcm = files.read(save(tmp_path / "loud.wav", wave, subtype="FLOAT"), RATE)
    assert pcm.samples.tolist() == [0, 32767, -32768, 32767, -32768, 16384]
    assert pcm.num_clipped == 2


def with_nan(samples):
    wave = samples / 32768.0
    wave[100:150] = np.nan
    return wave


@pytest.mark.parametrize(
    ("wave", "reason"),
    [
        (np.zeros(0), "empty: 0 samples"),
        (with_nan(speechlike()), r"non-finite: 50 of 16000 samples"),
        (np.array([0.0, np.inf, -np.inf]), "non-finite: 2 of 3"),
        (np.zeros(500), "constant: every sample is 0 at"),
        (np.full(500, 0.5), "constant: every sample is 16384 at"),
        (speechlike() * 1e-40, "constant: every sample is 0 at"),  # denormal: silence at 16 bits
        (speechlike().astype(np.float64), "out of range: its peak is"),  # integers as floats
    ],
)
@pytest.mark.parametrize("asked", [RATE, 8000])  # an offset rings when it is resampled
def test_recordings_without_use_say_why(tmp_path, wave, reason, asked):
    path = save(tmp_path / "bad.wav", wave, subtype="FLOAT")
    with pytest.raises(files.AudioError, match=reason) as caught:
        files.read(path, asked)
    assert str(path) in str(caught.value)
    assert str(path) not in caught.value.reason


@pytest.mark.parametrize("content", [b"", b"RIFF\0\0\0\0WAVEfmt ", b"This is text.\n" * 20])
def test_what_is_no_recording_is_unreadable(tmp_path, content):
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(files.AudioError, match=r"bad.wav: unreadable: \w+"):
        files.read(path, RATE)


def test_files_that_cannot_be_opened_are_unreadable(tmp_path):
    with pytest.raises(files.AudioError, match="unreadable: No such file"):
        files.read(tmp_path / "none.wav", RATE)
    with pytest.raises(files.AudioError, match="unreadable: Is a directory"):
        files.read(tmp_path, RATE)
    (tmp_path / "x.raw").write_bytes(bytes(1000))
    with pytest.raises(files.AudioError, match="unreadable"):
        files.read(tmp_path / "x.raw", RATE)


@pytest.mark.parametrize(
    "container", ["WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "NIST", "CAF", "FLAC", "MP3"]
)
def test_a_recording_cut_short_is_not_taken_for_a_short_recording(tmp_path, container):
    path = save(tmp_path / "x.wav", speechlike(), format=container)
    assert len(files.read(path, RATE).samples) == RATE
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.raises(files.AudioError, match=r"truncated: its header promises|unreadable"):
        files.read(path, RATE)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF - 36])
def test_sizes_that_pipes_write_are_no_promise(tmp_path, size):
    path = save(tmp_path / "x.wav", speechlike())
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = size.to_bytes(4, "little")
    path.write_bytes(content)
    np.testing.assert_array_equal(files.read(path, RATE).samples, speechlike())


CONTAINERS_WITH_A_LENGTH = {
    **dict.fromkeys(("WAV", "WAVEX", "RF64", "AIFF", "AU", "NIST", "CAF", "AVR"), "PCM_16"),
    **dict.fromkeys(("SVX", "MPC2K", "VOC", "W64", "FLAC"), "PCM_16"),
    **{"WVE": "ALAW", "MAT4": "DOUBLE", "MAT5": "DOUBLE", "OGG": "VORBIS"},
}


@pytest.mark.parametrize(("container", "subtype"), CONTAINERS_WITH_A_LENGTH.items())
def test_a_container_is_read_to_its_promised_end_and_no_further(tmp_path, container, subtype):
    path = save(tmp_path / "x", speechlike() / 32768, 8000, format=container, subtype=subtype)
    whole, expected = path.read_bytes(), files.read(path, 8000).samples
    assert len(expected) == RATE
    for rest in (b"some bytes after the last sample", bytes(100_000)):
        path.write_bytes(whole + rest)
        np.testing.assert_array_equal(files.read(path, 8000).samples, expected)
    for length in (len(whole) - 200, len(whole) // 2):
        path.write_bytes(whole[:length])
        with pytest.raises(files.AudioError, match=r"truncated: |unreadable: "):
            files.read(path, 8000)


@pytest.mark.parametrize("subtype", ["ALAC_16", "ALAC_24"])
def test_a_caf_file_that_lost_its_last_packet_is_refused(tmp_path, subtype):
    path = save(tmp_path / "x.caf", speechlike(), format="CAF", subtype=subtype)
    assert len(files.read(path, RATE).samples) == RATE
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(files.AudioError, match=f"truncated: its header promises {RATE} samples"):
        files.read(path, RATE)


@pytest.mark.parametrize(
    ("subtype", "channels"),
    [("PCM_U8", 1), ("PCM_U8", 2), ("ALAW", 2), ("PCM_16", 1), ("PCM_16", 2)],
)
def test_a_voc_file_ends_before_its_terminator(tmp_path, subtype, channels):
    wave = np.stack([speechlike() / 32768] * channels, axis=1)
    path = save(tmp_path / "x.voc", wave, format="VOC", subtype=subtype)
    own_rate = soundfile.info(path).samplerate  # 16129 Hz is the nearest that one byte can say
    assert len(files.read(path, own_rate).samples) == RATE


def test_a_voc_file_of_several_blocks_is_refused(tmp_path):
    path = save(tmp_path / "x.voc", speechlike(), format="VOC", subtype="PCM_16")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + whole[26:])  # its terminator gives way to a second block
    with pytest.raises(files.AudioError, match="it has several blocks"):
        files.read(path, RATE)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_that_lost_pages_is_refused(tmp_path, subtype):
    path = save(tmp_path / "x", speechlike(5 * RATE), format="OGG", subtype=subtype)
    whole = path.read_bytes()
    pages = [b"OggS" + page for page in whole.split(b"OggS")[1:]]
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 16
    for content, reason in (
        (bytes(flipped), "damaged: a page of it is not as it was written"),
        (b"".join(pages[:3] + pages[4:]), "damaged: pages are missing before page 4"),
        (b"".join(pages[:-1]), "truncated: its last page is missing"),
        (whole[:-10], "truncated: its last page is missing"),
    ):
        path.write_bytes(content)
        with pytest.raises(files.AudioError, match=reason):
            files.read(path, RATE)


def test_an_mp3_that_cannot_be_decoded_to_its_end_is_refused(tmp_path):
    """Where frames are torn the decoder ends, and without a tag nothing says how long it is."""
    path = save(tmp_path / "x.mp3", speechlike(10 * RATE))
    content = path.read_bytes()
    content = content[content.index(content[:2], 2) :]
    path.write_bytes(content[: len(content) // 10] + content[len(content) // 10 + 1500 :])
    with pytest.raises(files.AudioError, match=r"damaged: of 15\d+ samples, 1\d+ can be decoded"):
        files.read(path, RATE)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_frames_of_an_mp3_are_counted_as_they_are_decoded(tmp_path, rate, mode):
    path = save(tmp_path / "x.mp3", speechlike(rate * 2), rate, bitrate_mode=mode)
    content = path.read_bytes()
    path.write_bytes(content[content.index(content[:2], 2) :] + b"TAG" + bytes(125))
    assert len(files.read(path, rate).samples) == mpeg_samples(path, 0)


# An ID3 tag with a picture: its size in four bytes of 7 bits each.
ID3 = b"ID3\x04\0\0\0\x0f\x27\x08" + bytes((0x0F << 14) + (0x27 << 7) + 0x08)


def test_an_mp3_behind_a_tag_is_held_to_its_promised_length(tmp_path):
    path = save(tmp_path / "x.mp3", speechlike())
    content = ID3 + path.read_bytes()
    path.write_bytes(content)
    assert len(files.read(path, RATE).samples) == RATE
    path.write_bytes(content[: len(ID3) + (len(content) - len(ID3)) // 2])
    with pytest.raises(files.AudioError, match="truncated: its header promises 16000 samples"):
        files.read(path, RATE)


@pytest.mark.parametrize("id3", [False, True])
@pytest.mark.parametrize("quiet_start", [False, True])
def test_an_mp3_without_a_length_is_decoded_to_its_end(tmp_path, quiet_start, id3):
    """Without its tag, the length follows from the first frame's bit rate: far off if variable."""
    parts = [np.zeros(2 * RATE), speechlike(2 * RATE) / 32768]
    wave = np.concatenate(parts if quiet_start else parts[::-1])
    path = save(tmp_path / "x.mp3", wave, bitrate_mode="VARIABLE", compression_level=0.5)
    content = path.read_bytes()
    second_frame = content.index(content[:2], 2)
    path.write_bytes((ID3 if id3 else b"") + content[second_frame:])
    assert abs(soundfile.info(path).frames - 4 * RATE) > RATE / 4  # what it is guessed to be
    assert 4 * RATE <= len(files.read(path, RATE).samples) <= 4 * RATE + 4 * 1152


def test_a_flac_without_a_length_says_what_to_do(tmp_path):
    path = save(tmp_path / "x.flac", speechlike())
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    with pytest.raises(files.AudioError, match="gives no length: decode and encode"):
        files.read(path, RATE)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_what_is_written_is_read_again(tmp_path, suffix):
    path = tmp_path / "made" / f"x{suffix}"
    assert files.write(path, speechlike(), RATE) == 0
    np.testing.assert_array_equal(files.read(path, RATE).samples, speechlike())
    assert files.write(path, np.array([0.0, 0.5, 1.5]), 8000) == 1
    assert files.read(path, 8000).samples.tolist() == [0, 16384, 32767]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_other_formats_are_not_written(tmp_path):
    with pytest.raises(
        UserError, match=re.escape("x.mp3: recordings are written as .wav or .flac")
    ):
        files.write(tmp_path / "x.mp3", speechlike(), RATE)


@pytest.mark.parametrize("name", ["x.wav", "x.flac"])
def test_a_full_disk_leaves_the_old_recording(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"old")
    noise = np.random.default_rng(0).integers(-9000, 9000, 1 << 16).astype(np.int16)
    with files_limited_to(1 << 14), pytest.raises(UserError, match=f"{name} cannot be written"):
        files.write(path, noise, RATE)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == [name]
