"""Models of frames: what is refused, and sound from codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers.configs import SPECTROGRAMS, TARGETS, language_model, small, spectrogram

from wavenet_ae.engines import Sampling
from wavenet_ae.models import build
from wavenet_ae.models.conditioning import CodeConditioning
from wavenet_ae.models.utterance import CodeLayout

CASES: dict[str, tuple[dict[str, Any], str]] = {
    "samples by a decoder of frames": (
        spectrogram("frame_rnn", "categorical_of_values") | {"target": TARGETS["mu_law"]},
        "decoder=frame_rnn predicts frames, but the target is a sample: set target=log_mel",
    ),
    "frames by a decoder of samples": (
        small() | {"target": TARGETS["log_mel"]},
        "the decoder WaveNet predicts samples, but the target LogMel has frames of 6 values: set "
        "decoder=frame_conv",
    ),
    "amplitudes of frames": (
        spectrogram("frame_conv", "gaussian")
        | {
            "decoder": {
                "_target_": "wavenet_ae.decoders.FrameConvolution",
                "output": {"_target_": "wavenet_ae.decoders.MixtureOfLogistics"},
            }
        },
        "mixture_of_logistics predicts 16-bit amplitudes, but the target is a frame",
    ),
    "levels by a Gaussian": (
        spectrogram("frame_conv", "gaussian") | {"target": TARGETS["discretized_mel"]},
        "output=gaussian predicts real values, but the target has 9 levels: set target=log_mel",
    ),
    "no conditioning": (
        language_model() | {k: SPECTROGRAMS["recurrence"][k] for k in ("target", "decoder")},
        "reads nothing but conditioning, and this model has none: set model=spectrogram",
    ),
    "as many vectors on both sides": (
        spectrogram("frame_conv", "gaussian", kernels=[2]),
        r"decoder.kernels are \[2\].*offset=0 needs as many on both sides",
    ),
    "what has been read": (
        spectrogram("frame_conv", "gaussian", offset=1),
        "decoder.offset is 1, but .* set decoder.offset to at least 4",
    ),
    "a gap between frames": (
        spectrogram("frame_conv", "gaussian")
        | {"target": TARGETS["log_mel"] | {"hop_seconds": 0.03}},
        "target.hop_seconds is 0.03, but",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_refused_by_name(case):
    config, message = CASES[case]
    with pytest.raises(ValueError, match=message):
        build(config, ["anna"])


def test_the_offset_that_an_error_names_is_the_least_that_is_taken():
    build(spectrogram("frame_conv", "gaussian", offset=4), ["anna"])
    with pytest.raises(ValueError, match="at least 4"):
        build(spectrogram("frame_conv", "gaussian", offset=3), ["anna"])


@pytest.mark.parametrize("name", SPECTROGRAMS)
def test_sound_from_codes_is_as_long_as_they_and_depends_on_nothing_beside_them(name):
    torch.manual_seed(0)
    model = build(SPECTROGRAMS[name], ["anna", "bert"]).eval()
    waveform = (3000 * torch.randn(2501, generator=torch.manual_seed(1))).short()
    model.fit([model.normalize(waveform)[None]], _means(model, waveform))
    codes = model.encode(waveform.numpy(), 8000)
    short, whole = codes[..., :3], codes
    alone = model.decode(short, "anna", Sampling(temperature=0.5), seed=2)
    both = model.decode([whole, short], "anna", Sampling(temperature=0.5), seed=2)
    hop = CodeLayout(model).hop
    assert len(alone) == 3 * hop and len(both[0]) == codes.shape[-1] * hop
    assert alone.dtype == np.int16 and np.array_equal(both[1], alone)


@pytest.mark.parametrize("name", SPECTROGRAMS)
def test_the_conditioning_of_whole_utterances_is_that_of_windows(name):
    """Also where the first codes are read by no prediction, or many codes of silence are."""
    torch.manual_seed(0)
    model = build(SPECTROGRAMS[name], ["anna"]).eval()
    codes = model.encode((900 * np.random.default_rng(0).standard_normal(4000)).astype("h"), 8000)
    conditioning = CodeConditioning(model, [{"codes": codes}])
    plan = model.window(codes.shape[-1] * int(model.hop))
    assert conditioning.vectors.shape[-1] == plan.num_codes
    vectors = conditioning.between(0, plan.num_vectors)
    assert vectors.shape[-1] == plan.num_vectors


def _means(model, waveform):
    mean = model.recording_mean([waveform])
    return None if mean is None else [mean]
