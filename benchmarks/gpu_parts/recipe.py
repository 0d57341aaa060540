"""The configuration of the recipe that is trained, as a model and as options of train.py."""

from __future__ import annotations

from typing import Any

import hydra

from gpu_parts.task import ROOT
from wavenet_ae.config import plain

RECIPE = "speech_gpu"  # of conf/experiment; a better one takes its place here
TINY = (
    *("encoder.dim=16", "bottleneck.codebook_size=8", "bottleneck.start_after=5"),
    *("decoder.layers_per_block=3", "decoder.residual=8", "decoder.gate=8", "decoder.skip=8"),
    *("decoder.post=8", "data.window_seconds=0.04", "data.batch_size=4"),
    *("data.validation_seconds=1", "validate_every_n_steps=20"),
)


def options(is_tiny: bool, recipe: str = RECIPE) -> list[str]:
    """Options of train.py."""
    return [f"experiment={recipe}", *(TINY if is_tiny else ())]


def config(is_tiny: bool, recipe: str = RECIPE) -> dict[str, Any]:
    """Compose the configuration as train.py would."""
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        given = ["data.root=unused", "run_folder=unused", "name=gpu", *options(is_tiny, recipe)]
        return plain(hydra.compose("config", given))
