"""Pack recordings ahead of time: `wavenet-ae prepare data=folder data.root=recordings`.

`wavenet-ae train` does it by itself where it is not done; all runs share what is packed.
"""

from __future__ import annotations

from typing import Any

import hydra
from omegaconf import DictConfig

from wavenet_ae.config import check, conf_folder, plain
from wavenet_ae.exits import guarded


def pack(config: dict[str, Any]) -> None:
    """Packs the recordings of a configuration and prints what there is of each split."""
    check(config)
    from rich.console import Console

    from wavenet_ae.data.corpus import corpus_table
    from wavenet_ae.data.module import SpeechData
    from wavenet_ae.instantiate import instantiate
    from wavenet_ae.training.run_folder import log_to

    log_to(None)
    rate, seed = config["sample_rate"], config["seed"]
    corpus = instantiate(config["data"], SpeechData, sample_rate=rate, seed=seed).open()
    Console().print(corpus_table(corpus))


@hydra.main(config_path=str(conf_folder()), config_name="prepare", version_base="1.3")
def main(config: DictConfig) -> None:
    guarded(lambda: pack(plain(config)))


if __name__ == "__main__":
    main()
