"""`init_from=<checkpoint>`: a new run that starts from the weights of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from wavenet_ae.bottlenecks import Bottleneck
from wavenet_ae.encoders import Encoder, feature_settings
from wavenet_ae.errors import UserError, counted
from wavenet_ae.instantiate import TARGET, resolve
from wavenet_ae.loading import load
from wavenet_ae.models import SpeechModel

SPEAKERS = "decoder.speakers.weight"  # (S + 1, E): one row a speaker, the unknown speaker's last
SPEAKER_NORM = ("speaker_norm.log_scale", "speaker_norm.shift")  # (S + 1, C) likewise


def initialize_from(model: SpeechModel, config: Mapping[str, Any], checkpoint: str) -> list[str]:
    """Copies all weights of a checkpoint that fit into a model.

    Args:
        model: The new run's.
        config: What the model was built from.
        checkpoint: The other model, see `wavenet_ae.model_paths`.

    Returns:
        Lines for the log: how much was copied, and what was not.

    Raises:
        UserError: The checkpoint cannot be read, has another sample rate or another pretrained
            encoder, or has nothing that fits.
    """
    other = load(checkpoint)
    return copy_weights(model, config, other, other.config, checkpoint)


def copy_weights(
    model: SpeechModel,
    config: Mapping[str, Any],
    other: SpeechModel,
    then: Mapping[str, Any],
    checkpoint: str,
) -> list[str]:
    """Copies all weights of another model that fit into a model.

    Features and bottlenecks are copied whole or not at all, since statistics or a codebook fit
    their own weights only.  Speakers keep their rows by name; new ones start from the
    unknown-speaker embedding.

    Args:
        model: The model.
        config: What it was built from.
        other: The other model.
        then: What the other was built from.
        checkpoint: What people call the other one.

    Returns:
        Lines for the log: how much was copied, and what was not.

    Raises:
        UserError: The other model has another sample rate, another pretrained encoder, or nothing
            that fits.
    """
    if other.sample_rate != model.sample_rate:
        raise UserError(
            f"init_from={checkpoint} was trained at {other.sample_rate} Hz, but sample_rate is "
            f"{model.sample_rate}: set sample_rate={other.sample_rate}"
        )
    given, mine = other.state_dict(), model.state_dict()
    _require_same_pretrained(then, config, given, mine, checkpoint)
    left_out = (*_apart(then, config), *_other_bottlenecks(other, model))
    fitting = _same_shapes(given, mine, left_out)
    if not fitting:
        raise UserError(f"init_from={checkpoint}: none of its weights fits this model")
    is_same_decoder = _decoder(then) == _decoder(config)
    for name in (SPEAKERS, *SPEAKER_NORM) if is_same_decoder else SPEAKER_NORM:
        if {name} <= given.keys() & mine.keys() and given[name].shape[1] == mine[name].shape[1]:
            fitting[name] = _speaker_rows(given[name], other.speakers, model.speakers)
    num_known = len(set(other.speakers) & set(model.speakers)) if SPEAKERS in fitting else 0
    for name in fitting:
        if name.endswith(".is_quantizing"):  # a run that quantizes from its start does so
            fitting[name] = fitting[name] | mine[name]
    model.load_state_dict(fitting, strict=False)
    return [
        f"started from {checkpoint}: {len(fitting)} of {counted(len(mine), 'tensor')}, "
        f"{num_known} of {counted(len(model.speakers), 'speaker')} known to it",
        *_left(given, mine, fitting),
    ]


def _same_shapes(
    given: Mapping[str, Tensor], mine: Mapping[str, Tensor], left_out: tuple[str, ...]
) -> dict[str, Tensor]:
    """Returns the given tensors of the same names and shapes as mine.

    Args:
        given: Tensors of the other model, by their names.
        mine: Tensors of the model.
        left_out: Prefixes of names that are not copied; tensors with a row a speaker are not
            either.
    """
    return {
        name: value
        for name, value in given.items()
        if name in mine
        and mine[name].shape == value.shape
        and name not in (SPEAKERS, *SPEAKER_NORM)
        and not name.startswith(left_out)
    }


def _require_same_pretrained(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    given: Mapping[str, Tensor],
    mine: Mapping[str, Tensor],
    checkpoint: str,
) -> None:
    """Raises UserError where both models took the weights of their encoders from elsewhere, and
    from different places.

    The weights of one would silently take the place of the other's, or mix with them.  A file of
    another name that holds the same weights is the same place.
    """
    before, after = ((config.get("encoder") or {}) for config in (then, now))
    if not after or before.get(TARGET) != after[TARGET]:
        return
    keys = resolve(after[TARGET], Encoder).weights_from
    changed = [key for key in keys if before.get(key) != after.get(key)]
    weights = [
        {name: each for name, each in state.items() if name.startswith("encoder.")}
        for state in (given, mine)
    ]
    is_same = weights[0].keys() == weights[1].keys() and all(
        torch.equal(each, weights[1][name]) for name, each in weights[0].items()
    )
    if changed and not is_same:
        key = changed[0]
        raise UserError(
            f"init_from={checkpoint} has the weights of encoder.{key}={before.get(key)}, but "
            f"encoder.{key} is {after.get(key)}: set encoder.{key}={before.get(key)}, or remove "
            "init_from"
        )


def _decoder(config: Mapping[str, Any]) -> Any:
    """Returns the class of a configuration's decoder."""
    return (config.get("decoder") or {}).get("_target_")


def _apart(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yields prefixes of groups that differ, of those that are copied whole or not at all."""
    if _decoder(then) != _decoder(now):
        yield "decoder."
    outputs = [((config.get("decoder") or {}).get("output") or {}) for config in (then, now)]
    if outputs[0].get("_target_") != outputs[1].get("_target_"):
        yield "decoder.head."
    features = [feature_settings(config.get("encoder") or {}) for config in (then, now)]
    if features[0] != features[1]:
        yield from ("encoder.features.", "encoder.encoder.features.")  # the latter if pretrained


def _other_bottlenecks(given: SpeechModel, mine: SpeechModel) -> Iterator[str]:
    """Yields prefixes of the bottlenecks whose class or sizes differ between two models."""
    then, now = _bottlenecks(given), _bottlenecks(mine)
    for name in {**then, **now}:
        if then.get(name) != now.get(name):
            yield f"{name}."


def _bottlenecks(model: SpeechModel) -> dict[str, Any]:
    """Returns the class of each bottleneck and the shapes of its tensors, by its name."""
    return {
        name: (type(part), {key: each.shape for key, each in part.state_dict().items()})
        for name, part in model.named_children()
        if isinstance(part, Bottleneck)
    }


def _speaker_rows(rows: Tensor, names: list[str], wanted: list[str]) -> Tensor:
    """Returns rows (S' + 1, E) of the wanted speakers, then unknown, from rows (S + 1, E)."""
    unknown = len(names)
    places = {name: row for row, name in enumerate(names)}
    return rows[torch.tensor([*(places.get(name, unknown) for name in wanted), unknown])]


def _left(
    given: dict[str, Tensor], mine: dict[str, Tensor], fitting: dict[str, Tensor]
) -> Iterator[str]:
    """Yields a line for each tensor that was not copied, or one for a part that was not at all."""
    names = sorted(given.keys() | mine.keys())
    for part, group in groupby(names, key=lambda name: name.partition(".")[0]):
        tensors = list(group)
        reasons = {name: _reason(name, given, mine) for name in tensors if name not in fitting}
        if len(reasons) == len(tensors) > 1 and len({*reasons.values()}) == 1:
            yield f"  {part} ({len(tensors)} tensors): {reasons[tensors[0]]}"
        else:
            yield from (f"  {name}: {reason}" for name, reason in reasons.items())


def _reason(name: str, given: dict[str, Tensor], mine: dict[str, Tensor]) -> str:
    """Returns why a tensor was not copied."""
    if name not in given:
        return "not in the checkpoint, starts from scratch"
    if name not in mine:
        return "only in the checkpoint, not used"
    if given[name].shape == mine[name].shape:
        return "other features or another bottleneck, starts from scratch"
    shapes = f"{tuple(given[name].shape)} there, {tuple(mine[name].shape)} here"
    return f"{shapes}, starts from scratch"
