"""Explained variance by lag finds what a representation holds, and nothing that it does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import small
from scipy.sparse import csr_array

from wavenet_ae.audio.features import LogMel
from wavenet_ae.metrics.memory import lagged_frames, lags_of, recalled, recalls
from wavenet_ae.models import CodeModel, build
from wavenet_ae.models.utterance import CodeLayout

NUM_LAGS, CHANNELS, ROWS = 5, 3, 600


def model_of(encoder: str) -> CodeModel:
    torch.manual_seed(0)
    model = build(small("vqvae", encoder), ["anna"]).eval()
    assert isinstance(model, CodeModel)
    return model


def explained(values) -> dict[tuple[str, str], np.ndarray]:
    frames = np.random.default_rng(0).normal(size=(ROWS, NUM_LAGS * CHANNELS))
    utterances = np.arange(ROWS) // 50
    found = recalls(values(frames), frames.astype(np.float32), NUM_LAGS, utterances)
    return {(each.representation, each.kind): each.explained for each in found}


def test_what_is_held_is_recalled_and_what_is_not_is_not():
    """Frames are independent of each other, so each lag is recalled by what holds it alone."""
    made = explained(
        lambda frames: {
            "all": frames,
            "first_two": frames[:, : 2 * CHANNELS],
            "noise": np.random.default_rng(1).normal(size=frames.shape),
        }
    )
    assert made["all", "linear"].min() > 0.99
    assert made["first_two", "linear"][:2].min() > 0.99
    assert made["first_two", "linear"][2:].max() < 0.05
    assert made["first_two", "mlp"][:2].min() > 0.5 > 0.05 > made["first_two", "mlp"][2:].max()
    assert max(made["noise", kind].max() for kind in ("linear", "mlp")) < 0.05


def test_codes_are_sparse_rows():
    def one_hot(frames):
        codes = (frames[:, 0] > 0).astype(np.int64)
        return {"codes": csr_array((np.ones(ROWS), codes, np.arange(ROWS + 1)), shape=(ROWS, 2))}

    linear = explained(one_hot)["codes", "linear"]
    # The sign of a normal variable explains 2 / pi of it, one channel of the three.
    assert linear[0] == pytest.approx(2 / np.pi / CHANNELS, abs=0.03)
    assert linear[1:].max() < 0.02


def test_lags_reach_over_the_receptive_field_and_a_little_beyond():
    model = model_of("causal")
    lags = lags_of(model, model.encoder.features)
    assert lags.frames[0] == 0 and lags.hop == 80
    step, last = lags.frames[1], (model.code_chain.receptive_field - 200) // 80
    assert last - step < lags.frames[lags.is_read].max() <= last < lags.frames.max()
    centered = lags_of(model_of("units"), LogMel(8000, num_mels=20))
    assert centered.frames[0] < 0 in centered.frames and not centered.is_read.all()


def test_frames_behind_a_code_are_those_that_it_read():
    """In the phase of the encoder's own frames."""
    model = model_of("causal")
    features, waveform = model.encoder.features, (1000 * torch.randn(4000)).to(torch.int16)
    lags = lags_of(model, features)
    anchors = np.array([float(each) for each in CodeLayout(model).anchors(25)])
    inside = lags.decodable(anchors, 200, 4000)
    frames = lagged_frames(features, model, waveform, anchors[inside], lags)
    frames = frames.reshape(inside.sum(), len(lags.frames), features.dim)
    assert inside.any() and not inside.all()
    steps = 160 // (80 * lags.frames[1])  # lags from one code to the next
    np.testing.assert_allclose(frames[1:, steps:], frames[:-1, : len(lags.frames) - steps])


@pytest.mark.parametrize(
    ("values", "is_read", "expected"),
    [
        ([0.9, 0.6, 0.4, 0.7], [True] * 4, 1),
        ([0.9, 0.9, 0.9], [True, True, False], 1),
        ([0.4, 0.9], [True, True], None),
    ],
)
def test_recalled_frames_are_in_a_row(values, is_read, expected):
    assert recalled(values, is_read) == expected
