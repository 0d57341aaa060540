"""Encode recordings: their codes, one file each and one table of all, from a trained model.

wavenet-ae encode my.wav
wavenet-ae encode recordings out=units
wavenet-ae encode a.wav b.flac checkpoint=outputs/units smoothing=2

Recordings, folders of them and tables (.tsv) are named one after another.
This is `wavenet-ae generate task=encode` with a model that comes with the package.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from wavenet_ae.cli import generate
from wavenet_ae.cli.arguments import OVERRIDE, command, quoted_path
from wavenet_ae.composition import WITH_VALUE
from wavenet_ae.config import plain
from wavenet_ae.errors import UserError
from wavenet_ae.exits import guarded

INPUT = "input="


def with_input(arguments: Sequence[str]) -> list[str]:
    """Returns arguments in which the paths of recordings are the value of `input`.

    Args:
        arguments: As the shell passes them.

    Raises:
        UserError: Recordings are named both ways.
    """
    paths: list[str] = []
    rest: list[str] = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        is_key = argument.startswith("-") or OVERRIDE.fullmatch(argument)
        is_path = before not in WITH_VALUE and (not is_key or os.path.lexists(argument))
        (paths if is_path else rest).append(argument)
    if not paths:
        return rest
    if any(each.startswith(INPUT) for each in rest):
        raise UserError(f"{paths[0]} and input= both name recordings: use one of the two ways")
    return [f"{INPUT}[{','.join(map(quoted_path, paths))}]", *rest]


def run(config: dict[str, Any]) -> None:
    """Encodes what a configuration of conf/encode.yaml names."""
    generate.run({"task": "encode", **config})


@command("encode")
def composed(config: DictConfig) -> None:
    guarded(lambda: run(plain(config)))


def main() -> None:
    sys.argv[1:] = guarded(lambda: with_input(sys.argv[1:]))
    composed()


if __name__ == "__main__":
    main()
