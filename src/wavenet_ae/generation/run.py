"""A task of `wavenet-ae generate`, from its settings to its files."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wavenet_ae.audio.io import AudioError
from wavenet_ae.engines import Sampling, make_engine
from wavenet_ae.errors import UserError, counted
from wavenet_ae.generation.code_files import (
    UNITS_DESCRIPTION,
    UNITS_TABLE,
    describe_units,
    read_codes,
    read_description,
    write_codes,
    write_description,
    write_table,
)
from wavenet_ae.generation.generator import Request, UtteranceGenerator, in_batches
from wavenet_ae.generation.given_codes import GivenCodes
from wavenet_ae.generation.recordings import Recordings
from wavenet_ae.generation.result_store import ResultStore
from wavenet_ae.generation.settings import GenerationSettings
from wavenet_ae.generation.utterances import (
    Unconditional,
    Utterance,
    UtteranceSource,
    target_speakers,
)
from wavenet_ae.loading import device_named, load_with_fingerprint
from wavenet_ae.models import Autoencoder, CodeModel, GenerativeModel, SpeechModel
from wavenet_ae.models.inputs import checked_speaker
from wavenet_ae.ownership import sole_use
from wavenet_ae.progress import AudioProgress
from wavenet_ae.threads import AdaptedTorch

logger = logging.getLogger(__name__)


def generate(settings: GenerationSettings) -> int:
    """Generates or encodes what the settings ask for.

    Returns:
        How many recordings could not be used.

    Raises:
        UserError: Checkpoint, input and settings do not fit together; nothing has been made then.
    """
    assert settings.checkpoint is not None
    model, fingerprint = load_with_fingerprint(Path(settings.checkpoint).expanduser())
    _require_fitting(model, settings.task)
    model.to(device_named(settings.device))
    checked_speaker(model, settings.speaker)
    with sole_use(settings.destination, "wait until it is done, or set out to another folder"):
        if settings.task == "encode":
            assert isinstance(model, CodeModel)
            return _encode(model, fingerprint, settings)
        assert isinstance(model, GenerativeModel)
        return _generate(model, fingerprint, settings)


def _require_fitting(model: SpeechModel, task: str) -> None:
    if not isinstance(model, GenerativeModel):
        if task == "encode":
            return
        raise UserError(
            f"task is {task!r}, but this model has no decoder: choose task=encode, or a checkpoint "
            "of model=autoencoder"
        )
    if task == "sample" and isinstance(model, Autoencoder):
        raise UserError(
            "task is 'sample', but this model generates from codes only: choose "
            "task=reconstruct, convert or decode, or a checkpoint of model=wavenet"
        )
    if task != "sample" and not isinstance(model, Autoencoder):
        raise UserError(
            f"task is {task!r}, but this model has no encoder and no codes: choose task=sample, or "
            "a checkpoint of model=autoencoder"
        )


def _generate(model: GenerativeModel, fingerprint: str, settings: GenerationSettings) -> int:
    engine = make_engine(settings.engine, model.decoder)
    source = _source(model, fingerprint, settings)
    speakers = target_speakers(model, source.utterances, settings.speaker)
    results = _results(settings, fingerprint, f".{settings.format}", engine.name)
    is_wanted = _missing(settings, results, source.utterances, speakers)
    parts = zip(source.utterances, speakers, is_wanted, strict=True)
    requests = [Request(*each) for each in parts]
    generator = UtteranceGenerator(
        model, engine, source, _sampling(settings), settings.seed, results
    )
    wanted = [each.utterance for each in requests if each.is_wanted]
    with AudioProgress(len(wanted), _audio_seconds(model, wanted)) as progress:
        for batch in in_batches(requests, settings.batch_size):
            generator.generate(batch, progress)
    return _log_end(progress, generator.num_failed, settings)


def _encode(model: CodeModel, fingerprint: str, settings: GenerationSettings) -> int:
    source = Recordings(model, Path(settings.input or ""), settings.max_utterances, taken=["units"])
    utterances, speakers = source.utterances, [each.speaker for each in source.utterances]
    results = _results(settings, fingerprint, ".npy")
    existing = read_description(settings.destination)
    if existing and existing["model_fingerprint"] != fingerprint and not settings.overwrite:
        raise UserError(
            f"{settings.destination / UNITS_DESCRIPTION} says that codes of another model lie "
            f"there, {existing.get('checkpoint')}: set another out=, or overwrite=true"
        )
    is_wanted = _missing(settings, results, utterances, speakers)
    wanted = [each for each, is_one in zip(utterances, is_wanted, strict=True) if is_one]
    description = describe_units(model, fingerprint, str(settings.checkpoint))
    write_description(settings.destination, description)
    seconds = _audio_seconds(model, wanted)
    with AudioProgress(len(wanted), seconds, AdaptedTorch()) as progress:
        num_failed = _encode_all(source, wanted, results, progress)
    return _log_end(progress, num_failed, settings)


def _encode_all(
    source: Recordings, wanted: list[Utterance], results: ResultStore, progress: AudioProgress
) -> int:
    """Encodes recordings, and writes a table of all codes that the folder then has.

    Args:
        source: Of the recordings.
        wanted: Those to encode.
        results: Where their codes go.
        progress: Counts what is done.

    Returns:
        How many recordings could not be used.
    """
    num_failed = 0
    for utterance in wanted:
        try:
            _encode_one(source, utterance, results, progress)
        except AudioError as error:
            num_failed += 1
            logger.warning("skipped: %s", error)
    if source.model.bottleneck.is_quantizing:
        folder, there = results.folder, results.all_there()
        write_table(folder / UNITS_TABLE, there, lambda name: read_codes(folder / f"{name}.npy"))
    return num_failed


def _encode_one(
    source: Recordings, utterance: Utterance, results: ResultStore, progress: AudioProgress
) -> None:
    began = time.monotonic()
    content = source.content(utterance)
    assert content.codes is not None
    results.forget(utterance)
    write_codes(results.file(utterance), content.codes.cpu().numpy())
    seconds = content.num_samples / source.model.sample_rate
    results.record(utterance, utterance.speaker, time.monotonic() - began, seconds)
    progress.add(seconds, num_done=1)


def _source(
    model: GenerativeModel, fingerprint: str, settings: GenerationSettings
) -> UtteranceSource:
    if not isinstance(model, Autoencoder):
        num_samples = max(1, round(settings.seconds * model.sample_rate))
        return Unconditional(settings.num_samples, num_samples)
    if settings.codes is not None:
        return GivenCodes(model, fingerprint, Path(settings.codes), settings.max_utterances)
    return Recordings(model, Path(settings.input or ""), settings.max_utterances)


def _sampling(settings: GenerationSettings) -> Sampling:
    return Sampling(settings.temperature, settings.top_k, settings.top_p)


def _results(
    settings: GenerationSettings, fingerprint: str, suffix: str, engine: str | None = None
) -> ResultStore:
    decides: dict[str, Any] = {"task": settings.task, "model_fingerprint": fingerprint}
    how: dict[str, Any] = {
        "checkpoint": settings.checkpoint,
        "device": device_named(settings.device),
    }
    if settings.task != "encode":
        for name in ("temperature", "top_k", "top_p", "seed"):
            decides[name] = getattr(settings, name)
        how |= {"engine": engine, "batch_size": settings.batch_size}
    if settings.task == "sample":
        decides["seconds"] = settings.seconds
    return ResultStore(settings.destination, suffix, decides, how)


def _missing(
    settings: GenerationSettings,
    results: ResultStore,
    utterances: Sequence[Utterance],
    speakers: Sequence[str | None],
) -> list[bool]:
    """Returns which results do not exist yet.

    Raises:
        UserError: Results would replace inputs, or results of other settings.
    """
    results.require_no_input_replaced(utterances)
    if not settings.overwrite:
        results.require_same(utterances, speakers)
    results.remove_unfinished(utterances)
    pairs = zip(utterances, speakers, strict=True)
    is_wanted = [not results.is_done(*pair) for pair in pairs]
    if num_done := len(is_wanted) - sum(is_wanted):
        logger.info("%d of %d are there already", num_done, len(is_wanted))
    return is_wanted


def _audio_seconds(model: SpeechModel, wanted: Sequence[Utterance]) -> float:
    return sum(each.num_samples for each in wanted) / model.sample_rate


def _log_end(progress: AudioProgress, num_failed: int, settings: GenerationSettings) -> int:
    done = progress.text if progress.num_utterances else "there was nothing to do"
    logger.info("%s: %s", settings.destination, done)
    if num_failed:
        logger.warning("%s could not be used, see above", counted(num_failed, "recording"))
    return num_failed
