"""Recipes for tests: stages of the tiny model, written on the command line."""

from __future__ import annotations

from collections.abc import Sequence
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

# experiment=speech_units in seconds: few steps on few recordings.
UNITS = [
    *("experiment=speech_units", "data.source.num_speakers=2", "data.source.minutes=1"),
    *("data.validation_seconds=4", "data.batch_size=4", "data.window_seconds=0.64"),
    *("trainer.max_steps=12", "trainer.log_every_n_steps=1", "trainer.accelerator=cpu"),
    *("validate_every_n_steps=6", "callbacks.checkpoints.every_n_steps=4"),
    *("callbacks.audio_samples.every_n_steps=0", "stages.student.clusters.num_clusters=16"),
    *("stages.student.bottleneck.codebook_size=16", "stages.decoder.bottleneck.codebook_size=16"),
    "stages.decoder.decoder.layers_per_block=3",
]
UNIT_STAGES = ("contrast", "student", "decoder")


def runs(folder: Path, names: Sequence[str] = NAMES) -> list[RunFolder]:
    """The runs of the stages of a recipe, by default of RECIPE."""
    return [RunFolder(folder).stage(number, name) for number, name in enumerate(names, start=1)]
