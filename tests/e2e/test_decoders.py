"""Every decoder and output, from training to evaluation, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import run
from helpers.configs import TINY, TINY_CODES, TINY_FRAMES, TINY_GRU, TINY_MIXTURE

from wavenet_ae.audio.io import read

pytestmark = pytest.mark.slow
MEMBERS = {
    "mixture of logistics": TINY_MIXTURE,
    "recurrent": TINY_GRU,
    "recurrent mixture": [*TINY_GRU, *TINY_MIXTURE],
    "frames by convolution": [*TINY_FRAMES, "decoder.kernels=[3]", "decoder.hidden=8"],
    "frames by recurrence": [
        *TINY_FRAMES,
        *("target=discretized_mel", "decoder=frame_rnn", "decoder.hidden=8"),
    ],
}


LONG = ("recurrent mixture", "frames by convolution")  # of whose parts another has each


@pytest.fixture(
    params=[
        pytest.param(each, marks=[pytest.mark.long] if each in LONG else []) for each in MEMBERS
    ]
)
def member(request) -> list[str]:
    return MEMBERS[request.param]


def test_it_trains_resumes_generates_and_is_evaluated(member, cache, tmp_path):
    is_wavenet = not {"decoder=gru", "model=spectrogram"} & set(member)
    tiny = [each for each in TINY if is_wavenet or not each.startswith("decoder.")]
    folder = tmp_path / "run"
    settings = [*tiny, *TINY_CODES, *member, "bottleneck=vqvae"]
    code, output = run("train.py", f"run_folder={folder}", *settings, cache=cache)
    assert code == 0, output
    code, output = run("train.py", f"resume={folder}", "trainer.max_steps=30", cache=cache)
    assert code == 0, output
    best = folder / "checkpoints" / "best.ckpt"

    recording = next((folder / "samples").rglob("*-original.wav"), None) or _recording(tmp_path)
    for task, given in (("encode", []), ("reconstruct", []), ("reconstruct", ["seed=2"])):
        out = tmp_path / f"{task}{len(given)}"
        arguments = [f"task={task}", f"input={recording}", f"out={out}", *given]
        code, output = run("generate.py", f"checkpoint={best}", *arguments, cache=cache)
        assert code == 0, output
    one, other = (
        read(next((tmp_path / f"reconstruct{index}").glob("*.wav")), 8000).samples
        for index in (0, 1)
    )
    assert one.shape == other.shape and not np.array_equal(one, other)

    out = tmp_path / "evaluated"
    metrics = "metrics=[receptive_fields,likelihood,bitrate,reconstruction]"
    few = ["num_utterances=1", "max_seconds=0.3", "split=validation"]
    code, output = run(
        "evaluate.py", f"checkpoint={best}", f"out={out}", metrics, *few, cache=cache
    )
    assert code == 0, output
    assert json.loads((out / "evaluation.json").read_text())
    refused = ["temperature=0.9", "top_k=5"]
    if "target=pcm" in member:
        arguments = [f"input={recording}", f"out={tmp_path / 'k'}", "task=reconstruct", *refused]
        code, output = run("generate.py", f"checkpoint={best}", *arguments, cache=cache)
        assert code != 0 and "no levels to choose from" in output


def _recording(folder: Path) -> Path:
    from wavenet_ae.audio.io import write

    path = folder / "tone.wav"
    write(path, (6000 * np.sin(np.arange(4000) / 5)).astype(np.int16), 8000)
    return path
