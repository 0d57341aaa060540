"""Stages of a recipe, as the key `stages` of a configuration lists them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from wavenet_ae.config import report
from wavenet_ae.errors import UserError, nearest
from wavenet_ae.schema import NonNegative, NonNegativeNumber, Positive, binding_problems

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MFCC = "mfcc"  # a source of clusters that is no stage
RESERVED = ("stages", "run_folder", "sweep", "hydra")  # keys that belong to the whole recipe


@dataclass(frozen=True)
class Clusters:
    """Clusters of a corpus's frames, made before a stage that predicts them.

    Attributes:
        source: Name of the earlier stage whose frames are clustered, or `mfcc`.
        num_clusters: Clusters, K.
        seed: Seed of k-means.
        iterations: Iterations of k-means, at most.
        clustered: What of the source's model is clustered: `latents`, what its bottleneck reads;
            `vectors`, what it returns; `codes`, its own codes.
        remove_utterance_mean: Whether frames are clustered without the mean of their utterance.
        smoothing: Price of a change of cluster; 0: each frame has its nearest cluster.
    """

    source: str
    num_clusters: Positive = 128
    seed: NonNegative = 0
    iterations: Positive = 20
    clustered: Literal["latents", "vectors", "codes"] = "latents"
    remove_utterance_mean: bool = False
    smoothing: NonNegativeNumber = 0.0


@dataclass(frozen=True)
class Stage:
    """One training of a recipe.

    Attributes:
        name: Its name.
        number: Its place in the recipe, from 1 on.
        overrides: What it changes in the recipe's configuration, as on the command line.
        init_from: Name of the earlier stage from whose best checkpoint it starts.
        clusters: Clusters that are made before it trains, as its targets.
    """

    name: str
    number: int
    overrides: Sequence[str] = ()
    init_from: str | None = None
    clusters: Clusters | None = None


@dataclass(frozen=True)
class StageKeys:
    """Keys of a stage in the configuration; see `Stage`."""

    overrides: Sequence[str] = ()
    init_from: str | None = None
    clusters: Mapping[str, Any] | None = None


STAGE_KEYS = tuple(each.name for each in fields(StageKeys))


def parse_stages(node: Any) -> list[Stage]:
    """Returns the stages that the key `stages` lists.

    Args:
        node: Value of the key.

    Raises:
        UserError: If there is any problem; the text lists all of them.
    """
    problems = [*_problems(node)]
    if problems:
        raise UserError(report(problems))
    found = []
    for number, (name, keys) in enumerate(node.items(), start=1):
        given = StageKeys(**keys)
        clusters = None if given.clusters is None else Clusters(**given.clusters)
        found.append(Stage(name, number, tuple(given.overrides), given.init_from, clusters))
    return found


def _problems(node: Any) -> Iterator[str]:
    if not node or not isinstance(node, Mapping):
        yield f"stages is {node!r}, but must be a mapping of at least one stage; or set stages=null"
        return
    earlier: list[str] = []
    for name, keys in node.items():
        where = f"stages.{name}"
        if not isinstance(name, str) or not NAME.fullmatch(name) or name == MFCC:
            yield f"{where}: a stage's name has letters, digits and _ only, and is not {MFCC}"
        if not isinstance(keys, Mapping):
            yield f"{where} is {keys!r}, but must be a mapping with the key overrides"
            continue
        problems = [*binding_problems(StageKeys, keys, where=f"{where}.")]
        yield from problems
        if not problems:
            yield from _stage_problems(where, StageKeys(**keys), earlier)
        earlier.append(str(name))


def _stage_problems(where: str, keys: StageKeys, earlier: Sequence[str]) -> Iterator[str]:
    for override in keys.overrides:
        key = override.lstrip("+~").partition("=")[0]
        if key.partition(".")[0].partition("/")[0] in RESERVED:
            yield f"{where}.overrides has {override!r}: {key} belongs to the whole recipe"
        if keys.init_from is not None and key == "init_from":
            yield f"{where}.init_from is {keys.init_from}, but its overrides set init_from too"
    if keys.init_from is not None and keys.init_from not in earlier:
        hint = nearest(keys.init_from, earlier)
        yield f"{where}.init_from is {keys.init_from!r}, but must be an earlier stage's name.{hint}"
    if keys.clusters is None:
        return
    problems = [*binding_problems(Clusters, keys.clusters, where=f"{where}.clusters.")]
    yield from problems
    source = str(keys.clusters.get("source"))
    if not problems and source not in (*earlier, MFCC):
        yield (
            f"{where}.clusters.source is {source!r}, but must be {MFCC} or the name of an earlier "
            f"stage.{nearest(source, [*earlier, MFCC])}"
        )
    are_codes = keys.clusters.get("clustered") == "codes"
    if not problems and are_codes and keys.clusters.get("remove_utterance_mean"):
        yield (
            f"{where}.clusters.remove_utterance_mean is true, but clustered is codes, which are "
            "numbers without a mean: set remove_utterance_mean=false"
        )
