"""Recipes for tests: stages of the tiny model, written on the command line."""

from __future__ import annotations

from pathlib import Path

from helpers.configs import TINY
from wavenet_ae.runs import RunFolder

NAMES = ("teach", "name", "speak")
# Weights copied, then a frozen encoder, then frozen codes and a decoder that starts again.
STAGES = (
    "stages={"
    "teach:{overrides:['bottleneck=ae']},"
    "name:{init_from:teach,overrides:['bottleneck=vqvae_ema','bottleneck.codebook_size=8',"
    "'bottleneck.start_after=3','optimizer.frozen=[encoder]']},"
    "speak:{init_from:name,overrides:['bottleneck=vqvae_ema','bottleneck.codebook_size=8',"
    "'bottleneck.start_after=3','decoder.post=12','optimizer.frozen=[encoder,bottleneck]']}}"
)
RECIPE = [*(each for each in TINY if not each.startswith("decoder.post")), STAGES]


def runs(folder: Path) -> list[RunFolder]:
    """The runs of the stages of RECIPE."""
    return [RunFolder(folder).stage(number, name) for number, name in enumerate(NAMES, start=1)]
