"""Code blocks of docs/, executed as they stand, block after block."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from helpers.commands import ROOT, environment
from helpers.configs import TINY
from helpers.pages import blocks
from helpers.two_streams import TwoStreams

from wavenet_ae.audio import io as files
from wavenet_ae.audio.features import LogMel
from wavenet_ae.loading import load_with_fingerprint

PAGE = "docs/guide/python.md"
RECORDINGS = ("anna/hello.wav", "anna/later/bye.wav", "bert/hello.wav")


@pytest.fixture
def reader(quantized, tmp_path, monkeypatch) -> Path:
    """The folder in which somebody follows the page: a run and recordings are there."""
    text = "".join(block.text for block in blocks(PAGE))
    (checkpoint,) = set(re.findall(r'wavenet_ae\.load\("(.*)"\)', text))
    shutil.copytree(quantized, tmp_path / checkpoint)
    seconds = np.arange(6000)[:, None] / 16_000
    for number, name in enumerate(RECORDINGS, start=1):
        file = tmp_path / "recordings" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        stereo = 0.3 * np.sin(2 * np.pi * 120 * number * seconds) * [1, 0.5]
        soundfile.write(file, stereo, 16_000)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_every_block_of_the_python_page_runs(reader, capsys):
    page: dict = {}
    found = blocks(PAGE)
    assert len(found) == 9
    for block in found:
        assert block.language == "python", "what is not run may be wrong"
        block.execute(page)

    model, codes, hop = page["model"], page["codes"], int(page["model"].hop)
    assert codes.shape == (-(-3000 // hop),) and codes.max() < 8
    for name, num_codes in (("again", 1), ("clearer", 1), ("slow", 2)):
        sound = files.read(f"hello_{name}.wav", model.sample_rate)
        assert len(sound.samples) == num_codes * len(codes) * hop
    assert [len(each) for each in page["sounds"]] == [13 * hop, 7 * hop]
    assert torch.equal(page["units_of_halves"][0], model.encode(page["halves"][0], 8000))
    units = {name: np.load(Path("units", name).with_suffix(".npy")) for name in RECORDINGS}
    assert np.array_equal(units["anna/hello.wav"], codes.numpy())
    printed = capsys.readouterr().out
    assert "8000 Hz, 50.0 codes a second\nspeakers: spk00, spk01\n" in printed
    assert "mean F0 of original: 120 Hz" in printed
    assert re.search(r"log_spectral_distance: \d+\.\d dB over 36 frames", printed)


def test_a_model_is_shared_as_the_page_says(quantized, tmp_path, monkeypatch):
    shutil.copytree(quantized, tmp_path / "outputs" / "first")
    monkeypatch.chdir(tmp_path)
    shared, pushed = (each for each in blocks("docs/guide/trained_models.md") if each.language)
    page: dict = {}
    shared.execute(page)
    assert load_with_fingerprint("my-units")[1] == load_with_fingerprint("outputs/first")[1]
    assert page["again"].speakers == page["model"].speakers
    assert "license: cc-by-4.0" in Path("my-units", "README.md").read_text()
    assert "push_to_hub" in pushed.text, "tests/test_hub.py runs it with a server"


@pytest.mark.parametrize(
    "page", ["docs/how/geometry.md", "docs/how/resume.md", "docs/api/metrics.md"]
)
def test_python_blocks_of_other_pages_run(page, capsys):
    names: dict = {}
    found = [block for block in blocks(page) if block.language == "python"]
    assert found
    for block in found:
        block.execute(names)
    assert capsys.readouterr().out


def test_the_encoder_of_the_page_gives_latents():
    (shown,) = (block for block in blocks("docs/guide/extend.md") if "(Encoder)" in block.text)
    page: dict = {}
    shown.execute(page)
    features = LogMel(8000, num_mels=20, normalization="utterance")
    encoder = page["Linear"](features, dim=3)
    latents = encoder(torch.randn(2, 1000), torch.zeros(2, 20))
    assert latents.shape == (2, 3, encoder.chain.output_length(1000))


def test_the_streams_of_the_page_are_those_of_a_model_that_runs():
    (shown,) = (block for block in blocks("docs/guide/extend.md") if "code_streams" in block.text)
    source = inspect.getsource(TwoStreams.code_streams.fget)
    assert textwrap.dedent(source).removeprefix("@property\n") == shown.text


def install(page: str, folder: Path) -> None:
    """Installs the package that a page shows into a folder, with its YAML beside it."""
    shown = {each.language: each.text for each in blocks(page) if "Signs" in each.text}
    shown |= {each.language: each.text for each in blocks(page) if each.language == "toml"}
    source = folder / "package"
    source.mkdir()
    (source / "my_units.py").write_text(shown["python"])
    (source / "pyproject.toml").write_text(shown["toml"])
    option = folder / "my_conf" / "bottleneck" / "signs.yaml"
    option.parent.mkdir(parents=True)
    option.write_text(shown["yaml"])
    offline = ["--no-deps", "--no-build-isolation", "--target", str(folder)]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", *offline, str(source)], check=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/guide/extend.md"])
def test_the_bottleneck_of_the_page_trains(page, cache, tmp_path):
    install(page, tmp_path)
    has_start = "start_after" in (tmp_path / "my_conf" / "bottleneck" / "signs.yaml").read_text()
    start = "bottleneck.start_after=3" if has_start else "+bottleneck.start_after=3"
    options = ["--config-dir", "my_conf", "bottleneck=signs", start, "hydra.run.dir=run"]
    done = subprocess.run(
        [sys.executable, "-m", "wavenet_ae", "train", *options, *TINY],
        cwd=tmp_path,
        env={
            **environment(cache),
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{tmp_path}",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "run" / "checkpoints" / "best.ckpt").is_file()
    assert "64 of them: 300 bit/s nominal" in done.stdout + done.stderr
