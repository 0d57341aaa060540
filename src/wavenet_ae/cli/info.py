"""Describe a model: the positions, receptive field and rate of each layer, and its parameters.

wavenet-ae info
wavenet-ae info bottleneck=rvq encoder=mel sample_rate=16000
wavenet-ae info checkpoint=outputs/toy/A

Beside a checkpoint, no other key is read.
"""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from wavenet_ae.cli.arguments import command
from wavenet_ae.config import check, plain
from wavenet_ae.exits import guarded
from wavenet_ae.schema import accepts, describe, require_none


def run(config: dict[str, Any]) -> None:
    """Prints the layers of a checkpoint's model, or of the one that a configuration makes."""
    checkpoint = config.pop("checkpoint")
    if not accepts(checkpoint, str | None):
        require_none([f"checkpoint is {checkpoint!r}, but must be {describe(str | None)}"])
    if checkpoint is None:
        check(config)
    from wavenet_ae.loading import load
    from wavenet_ae.models import headline, model_summary
    from wavenet_ae.training.preflight import check_sizes, window_samples

    seconds = config["data"]["window_seconds"]
    if checkpoint is not None:
        model = load(checkpoint)
        num_hops = max(1, round(seconds * model.sample_rate / int(model.hop)))
        plan = model.window(num_hops * int(model.hop))
    else:
        made = check_sizes(config)
        assert made is not None  # there is no run whose checkpoint would be the model
        model, plan = made, made.window(window_samples(made, seconds))
    print("\n".join([*headline(model), "", model_summary(model, plan)]))


@command("info")
def main(config: DictConfig) -> None:
    guarded(lambda: run(plain(config)))


if __name__ == "__main__":
    main()
