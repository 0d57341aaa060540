"""Pack recordings ahead of time: `wavenet-ae prepare data=folder data.root=recordings`.

`wavenet-ae train` does it by itself where it is not done; all runs share what is packed.  What is
packed already is compared with its digests.
"""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from wavenet_ae.cli.arguments import command
from wavenet_ae.config import check, plain
from wavenet_ae.exits import guarded


def pack(config: dict[str, Any]) -> None:
    """Packs the recordings of a configuration and prints what there is of each split."""
    check(config)
    from rich.console import Console

    from wavenet_ae.data.corpus import corpus_table
    from wavenet_ae.data.module import SpeechData
    from wavenet_ae.instantiate import instantiate
    from wavenet_ae.progress import Progress
    from wavenet_ae.training.logging.files import log_to

    log_to(None)
    rate, seed = config["sample_rate"], config["seed"]
    corpus = instantiate(config["data"], SpeechData, sample_rate=rate, seed=seed).open()
    with Progress("verifying", len(corpus)) as progress:
        for row in range(len(corpus)):
            corpus.verify([row])
            progress.at(row + 1, f"verifying: {row + 1}/{len(corpus)} recordings")
    Console(markup=False, emoji=False).print(corpus_table(corpus))


@command("prepare", groups=("data",), keys=("sample_rate", "seed"))
def main(config: DictConfig) -> None:
    guarded(lambda: pack(plain(config)))


if __name__ == "__main__":
    main()
