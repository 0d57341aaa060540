"""Small models with random weights as checkpoints, and recordings of noise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from helpers.configs import language_model, small
from wavenet_ae.audio.io import write
from wavenet_ae.bottlenecks.quantizer import Quantizer
from wavenet_ae.checkpoint import FORMAT, SECTION, write_checkpoint
from wavenet_ae.generation.run import generate
from wavenet_ae.generation.settings import check_settings
from wavenet_ae.models import build
from wavenet_ae.ownership import IN_USE
from wavenet_ae.runs import RunFolder

SPEAKERS = ["ann", "bob"]
RATE = 8000


def checkpoint(
    folder: Path,
    kind: str = "vqvae",
    seed: int = 0,
    num_layers: int = 6,
    decoder: dict[str, Any] | None = None,
    speakers: Sequence[str] = SPEAKERS,
    encoder: str = "mfcc",
    **model: Any,
) -> Path:
    """A small autoencoder with the bottleneck `kind`, or a language model (`wavenet`); `decoder`
    takes the place of the WaveNet."""
    if kind == "wavenet":
        config = language_model(**model)
        config["decoder"] |= {"num_blocks": 1, "layers_per_block": num_layers}
    else:
        config = small(kind, encoder)
    config["decoder"] = decoder or config["decoder"]
    torch.manual_seed(seed)
    built = build(config, speakers)
    for module in built.modules():
        if isinstance(module, Quantizer):
            module.is_quantizing.fill_(True)
    weights = {f"model.{name}": value for name, value in built.state_dict().items()}
    section = {"format": FORMAT, "config": config, "speakers": list(speakers)}
    path = RunFolder(folder / "run").checkpoints / f"{kind}-{seed}.ckpt"
    write_checkpoint({"state_dict": weights, SECTION: section}, path)
    return path


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return (3000 * generator.standard_normal(num_samples)).astype(np.int16)


def recordings(root: Path, lengths: dict[str, int], rate: int = RATE) -> Path:
    """Recordings of so many samples at paths below a folder."""
    for seed, (name, length) in enumerate(lengths.items()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write(root / name, noise(length, seed), rate)
    return root


def made(**settings: Any) -> int:
    """What `generate.py` does, in this process: returns the number of failed recordings."""
    settings = {key: str(v) if isinstance(v, Path) else v for key, v in settings.items()}
    return generate(check_settings(settings))


def card(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def sound(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == RATE and soundfile.info(path).subtype == "PCM_16"
    return samples


def contents(folder: Path, suffix: str = "") -> dict[str, bytes]:
    """Bytes of all files below a folder, hidden ones too, but for the lock of a command."""
    found = sorted(each for each in folder.rglob("*") if each.is_file() and each.name != IN_USE)
    return {
        each.relative_to(folder).as_posix(): each.read_bytes()
        for each in found
        if each.name.endswith(suffix)
    }
