"""docs/use_from_python.md, executed as it stands, block after block."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.commands import ROOT

from wavenet_ae.audio import io as files

PAGE = ROOT / "docs" / "use_from_python.md"
TEXT = PAGE.read_text()
BLOCKS = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RECORDINGS = ("anna/hello.wav", "anna/later/bye.wav", "bert/hello.wav")


@pytest.fixture
def reader(quantized, tmp_path, monkeypatch) -> Path:
    """The folder in which somebody follows the page: a run and recordings are there."""
    (checkpoint,) = set(re.findall(r'wavenet_ae\.load\("(.*)"\)', TEXT))
    shutil.copytree(quantized, (tmp_path / checkpoint).parents[1])
    seconds = np.arange(6000)[:, None] / 16_000
    for number, name in enumerate(RECORDINGS, start=1):
        file = tmp_path / "recordings" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        stereo = 0.3 * np.sin(2 * np.pi * 120 * number * seconds) * [1, 0.5]
        soundfile.write(file, stereo, 16_000)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_every_block_runs(reader, capsys):
    page: dict = {}
    found = list(BLOCKS.finditer(TEXT))
    assert len(found) == TEXT.count("```") / 2 == 8
    for block in found:
        assert block[1] == "python", "what is not run may be wrong"
        above = "\n" * (TEXT[: block.start()].count("\n") + 1)  # errors name lines of the page
        exec(compile(above + block[2], str(PAGE), "exec"), page)

    model, codes, hop = page["model"], page["codes"], int(page["model"].hop)
    assert codes.shape == (-(-3000 // hop),) and codes.max() < 8
    for name, num_codes in (("again", 1), ("clearer", 1), ("slow", 2)):
        sound = files.read(f"hello_{name}.wav", model.sample_rate)
        assert len(sound.samples) == num_codes * len(codes) * hop
    units = {name: np.load(Path("units", name).with_suffix(".npy")) for name in RECORDINGS}
    assert np.array_equal(units["anna/hello.wav"], codes.numpy())
    printed = capsys.readouterr().out
    assert "8000 Hz, 50.0 codes a second\nspeakers: spk00, spk01\n" in printed
    assert "mean F0 of original: 120 Hz" in printed
    assert re.search(r"log_spectral_distance: \d+\.\d dB over 36 frames", printed)
