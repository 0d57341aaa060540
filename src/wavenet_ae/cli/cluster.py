"""Cluster a corpus for masked prediction: `wavenet-ae cluster data=... source=FILE out=FILE`.

The clusters of every code go into a file, which objective.masked_prediction.targets then names.
The data, and so their splits, must be those of the run that is to be trained.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, Literal

from omegaconf import DictConfig

from wavenet_ae.cli.arguments import command
from wavenet_ae.config import check, plain
from wavenet_ae.exits import guarded
from wavenet_ae.schema import NonNegativeNumber, Positive, accepts, describe, require_none

SETTINGS: dict[str, Any] = {
    "source": str,
    "out": str,
    "num_clusters": Positive,
    "iterations": Positive,
    "clustered": Literal["latents", "vectors", "codes"],
    "remove_utterance_mean": bool,
    "smoothing": NonNegativeNumber,
}


def cluster(config: dict[str, Any]) -> None:
    """Makes the file of clusters of a configuration."""
    settings = {name: config.pop(name) for name in SETTINGS}
    require_none(
        f"{name} is {settings[name]!r}, but must be {describe(kind)}"
        for name, kind in SETTINGS.items()
        if not accepts(settings[name], kind)
    )
    check(config)
    _make(config, settings)


def _make(config: Mapping[str, Any], settings: dict[str, Any]) -> None:
    from wavenet_ae.data.module import SpeechData
    from wavenet_ae.instantiate import instantiate
    from wavenet_ae.training.logging.files import log_to
    from wavenet_ae.training.targets import make_cluster_targets

    log_to(None)
    rate, seed = config["sample_rate"], config["seed"]
    corpus = instantiate(config["data"], SpeechData, sample_rate=rate, seed=seed).open()
    source, out = (os.path.expanduser(settings.pop(name)) for name in ("source", "out"))
    targets = make_cluster_targets(source, corpus, out, seed=seed, **settings)
    logging.getLogger(__name__).info(
        "%s: %d clusters of %s, %d codes of %d utterances",
        *(out, targets.num_clusters, targets.source, len(targets.codes), len(targets.lengths)),
    )


@command("cluster", groups=("data",), keys=("sample_rate", "seed", *SETTINGS))
def main(config: DictConfig) -> None:
    guarded(lambda: cluster(plain(config)))


if __name__ == "__main__":
    main()
