"""Small models of torchaudio, with random weights that lie where pretrained ones are cached."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from wavenet_ae.audio.backend import torchaudio
from wavenet_ae.encoders import wav2vec2

SIZES = dict(dim=32, num_heads=2, num_layers=3, feed_forward=48, frame_dim=16, position_kernel=8)
SMALL = {
    "SMALL_HUBERT": replace(wav2vec2.ARCHITECTURES["HUBERT_BASE"], **SIZES),
    "SMALL_WAVLM": replace(wav2vec2.ARCHITECTURES["WAVLM_BASE"], **SIZES),
}


def add_small_bundles(monkeypatch: pytest.MonkeyPatch, hub: Path) -> None:
    """Makes small bundles known, and writes their weights into a cache of torch.hub.

    Args:
        monkeypatch: Undoes it.
        hub: Folder of torch.hub. Nothing can be downloaded into it.
    """
    monkeypatch.setattr(torch.hub, "_hub_dir", str(hub))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody answers
    (hub / "checkpoints").mkdir(parents=True)
    for name, architecture in SMALL.items():
        monkeypatch.setitem(wav2vec2.ARCHITECTURES, name, architecture)
        torch.manual_seed(7)
        whole = architecture.build(architecture.num_layers)
        torch.save(whole.state_dict(), hub / "checkpoints" / f"{name}.pth")
        bundle = torchaudio.pipelines.Wav2Vec2Bundle(
            _path=f"{name}.pth",
            _params=_arguments(architecture),
            _sample_rate=16_000,
            _normalize_waveform=False,
            _model_type="WavLM" if "WAVLM" in name else "Wav2Vec2",
        )
        monkeypatch.setattr(torchaudio.pipelines, name, bundle, raising=False)


def _arguments(architecture: wav2vec2.Architecture) -> dict:
    """What `Architecture.build` passes to torchaudio's constructor for the whole model."""
    return replace(architecture, make=dict).build(architecture.num_layers)
