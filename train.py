"""Train a waveform autoencoder: `python train.py bottleneck=vqvae`, `python train.py --help`."""

from __future__ import annotations

import sys

import hydra
from omegaconf import DictConfig


def run(config: dict) -> float:
    """Check a plain configuration and train; heavy imports wait until it is known to be sound."""
    from wavenet_ae.config import check

    check(config)
    from pathlib import Path

    from wavenet_ae.training.run import check_sizes, train
    from wavenet_ae.training.run_folder import log_to

    check_sizes(config)
    log_to(Path(config["run_folder"]))
    return train(config)


def guarded(work, *arguments):
    """Do `work`; a user's mistake ends with its text alone, a stop with the signal's exit code."""
    from wavenet_ae.errors import UserError
    from wavenet_ae.training.signals import Stopped

    try:
        return work(*arguments)
    except UserError as error:
        sys.exit(f"error: {error}")
    except Stopped as stopped:
        sys.exit(stopped.exit_code)


@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(config: DictConfig) -> float | None:
    from wavenet_ae.config import plain

    return guarded(lambda: run(plain(config)))


def resume(arguments: list[str]) -> None:
    from wavenet_ae.config import resumed

    guarded(lambda: run(resumed(arguments)))


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].startswith("resume="):
        resume(sys.argv[1:])
    else:
        main()
