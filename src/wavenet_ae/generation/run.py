"""A task of generate.py from its settings to its files."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wavenet_ae.engines import Sampling, make_engine
from wavenet_ae.errors import UserError
from wavenet_ae.generation.code_files import UNITS_CARD, read_card, units_card, write_card
from wavenet_ae.generation.encode import encode_all
from wavenet_ae.generation.generator import Speaker, Spoken, in_groups
from wavenet_ae.generation.given_codes import GivenCodes
from wavenet_ae.generation.progress import Meter
from wavenet_ae.generation.recordings import Recordings
from wavenet_ae.generation.result_store import Provenance
from wavenet_ae.generation.settings import Settings
from wavenet_ae.generation.speakers import require_speaker, voices_of
from wavenet_ae.generation.utterances import Source, Unconditional, Utterance
from wavenet_ae.loading import device_named, load_with_fingerprint
from wavenet_ae.models import Autoencoder, GenerativeModel

logger = logging.getLogger(__name__)


def generate(settings: Settings) -> int:
    """Do what the settings ask for; returns how many recordings could not be used.

    Raises UserError, before anything is made, where the checkpoint, the input and the settings
    do not fit together.
    """
    assert settings.checkpoint is not None
    model, fingerprint = load_with_fingerprint(Path(settings.checkpoint).expanduser())
    _require_fitting(model, settings.task)
    model.to(device_named(settings.device))
    if settings.speaker is not None:
        require_speaker(model, settings.speaker)
    if settings.task == "encode":
        assert isinstance(model, Autoencoder)
        return _encode(model, fingerprint, settings)
    return _speak(model, fingerprint, settings)


def _require_fitting(model: GenerativeModel, task: str) -> None:
    if task == "sample" and isinstance(model, Autoencoder):
        raise UserError(
            "task is 'sample', but this model speaks from codes, not from nothing: take "
            "task=reconstruct, convert or decode, or a checkpoint of model=wavenet"
        )
    if task != "sample" and not isinstance(model, Autoencoder):
        raise UserError(
            f"task is {task!r}, but this model has no encoder and no codes: take task=sample, or "
            "a checkpoint of model=autoencoder"
        )


def _speak(model: GenerativeModel, fingerprint: str, settings: Settings) -> int:
    engine = make_engine(settings.engine, model.decoder)
    source = _source(model, fingerprint, settings)
    voices = voices_of(model, source.utterances, settings.speaker)
    provenance = _provenance(settings, fingerprint, f".{settings.format}", engine.name)
    is_wanted = _to_do(settings, provenance, source.utterances, voices)
    parts = zip(source.utterances, voices, is_wanted, strict=True)
    spoken = [Spoken(*each) for each in parts]
    speaker = Speaker(model, engine, source, _sampling(settings), settings.seed, provenance)
    with _meter(model, [each.utterance for each in spoken if each.is_wanted]) as meter:
        for group in in_groups(spoken, settings.streams):
            speaker.speak(group, meter)
    return _said(meter, speaker.num_failed, settings)


def _encode(model: Autoencoder, fingerprint: str, settings: Settings) -> int:
    source = Recordings(model, Path(settings.input or ""), settings.limit, taken=["units"])
    utterances, voices = source.utterances, [each.speaker for each in source.utterances]
    provenance = _provenance(settings, fingerprint, ".npy")
    card = units_card(model, fingerprint, str(settings.checkpoint))
    there = read_card(settings.destination)
    if there and there["model_fingerprint"] != fingerprint and not settings.overwrite:
        raise UserError(
            f"{settings.destination / UNITS_CARD} says that codes of another model lie there, "
            f"{there.get('checkpoint')}: give another out=, or overwrite=true"
        )
    is_wanted = _to_do(settings, provenance, utterances, voices)
    wanted = [each for each, is_one in zip(utterances, is_wanted, strict=True) if is_one]
    write_card(settings.destination, card)
    with _meter(model, wanted) as meter:
        num_failed = encode_all(source, wanted, provenance, meter)
    return _said(meter, num_failed, settings)


def _source(model: GenerativeModel, fingerprint: str, settings: Settings) -> Source:
    if not isinstance(model, Autoencoder):
        num_samples = max(1, round(settings.seconds * model.sample_rate))
        return Unconditional(settings.count, num_samples)
    if settings.codes is not None:
        return GivenCodes(model, fingerprint, Path(settings.codes), settings.limit)
    return Recordings(model, Path(settings.input or ""), settings.limit)


def _sampling(settings: Settings) -> Sampling:
    return Sampling(settings.temperature, settings.top_k, settings.top_p)


def _provenance(
    settings: Settings, fingerprint: str, suffix: str, engine: str | None = None
) -> Provenance:
    decides: dict[str, Any] = {"task": settings.task, "model_fingerprint": fingerprint}
    how: dict[str, Any] = {
        "checkpoint": settings.checkpoint,
        "device": device_named(settings.device),
    }
    if settings.task != "encode":
        for name in ("temperature", "top_k", "top_p", "seed"):
            decides[name] = getattr(settings, name)
        how |= {"engine": engine, "streams": settings.streams}
    if settings.task == "sample":
        decides["seconds"] = settings.seconds
    return Provenance(settings.destination, suffix, decides, how)


def _to_do(
    settings: Settings,
    provenance: Provenance,
    utterances: Sequence[Utterance],
    voices: Sequence[str | None],
) -> list[bool]:
    """Which results are not there yet.  UserError where they would replace what is there."""
    provenance.require_no_input_replaced(utterances)
    if not settings.overwrite:
        provenance.require_same(utterances, voices)
    provenance.remove_unfinished(utterances)
    pairs = zip(utterances, voices, strict=True)
    is_wanted = [not provenance.is_done(*pair) for pair in pairs]
    if num_done := len(is_wanted) - sum(is_wanted):
        logger.info("%d of %d are there already", num_done, len(is_wanted))
    return is_wanted


def _meter(model: GenerativeModel, wanted: Sequence[Utterance]) -> Meter:
    num_samples = sum(each.num_samples for each in wanted)
    return Meter(len(wanted), num_samples / model.sample_rate)


def _said(meter: Meter, num_failed: int, settings: Settings) -> int:
    done = meter.text if meter.num_utterances else "there was nothing to do"
    logger.info("%s: %s", settings.destination, done)
    if num_failed:
        logger.warning("%d recordings could not be used, see above", num_failed)
    return num_failed
