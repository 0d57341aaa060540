"""Train a waveform autoencoder.

python train.py bottleneck=vqvae data=folder data.root=recordings
python train.py resume=outputs/folder/2026-01-31_12-00-00 trainer.max_steps=100000
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import hydra
from omegaconf import DictConfig

from wavenet_ae.commands import guarded
from wavenet_ae.config import check, plain
from wavenet_ae.errors import UserError
from wavenet_ae.resuming import is_resume, resumed


def run(config: dict[str, Any]) -> float:
    """Check a configuration and train; what is slow to import waits until it is known sound."""
    try:
        check(config)
        from wavenet_ae.training.sizes import check_sizes

        check_sizes(config)
    except UserError:
        with contextlib.suppress(OSError):  # Hydra has made the folder of a run that is none
            os.rmdir(config["run_folder"])
        raise
    from wavenet_ae.training.run import train
    from wavenet_ae.training.run_folder import log_to
    from wavenet_ae.training.signals import Stopped

    log_to(config["run_folder"])
    try:
        return train(config)
    except Stopped as stopped:
        sys.exit(stopped.exit_code)


@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(config: DictConfig) -> float:
    return guarded(lambda: run(plain(config)))


if __name__ == "__main__":
    if any(is_resume(argument) for argument in sys.argv[1:]):
        guarded(lambda: run(resumed(sys.argv[1:])))
    else:
        main()
