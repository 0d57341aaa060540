"""A task of `wavenet-ae generate`, from its settings to its files."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from torch import Tensor

from wavenet_ae.audio.io import AudioError
from wavenet_ae.engines import Sampling, make_engine
from wavenet_ae.errors import UserError, counted
from wavenet_ae.generation.code_files import (
    UNITS_TABLE,
    describe_units,
    read_codes,
    require_same_model,
    write_codes,
    write_description,
    write_table,
)
from wavenet_ae.generation.generator import Request, UtteranceGenerator, in_batches
from wavenet_ae.generation.given_codes import GivenCodes
from wavenet_ae.generation.recordings import Recordings
from wavenet_ae.generation.result_store import ResultStore
from wavenet_ae.generation.settings import ENCODING, GenerationSettings
from wavenet_ae.generation.submission import frames_of, write_params
from wavenet_ae.generation.utterances import (
    Unconditional,
    Utterance,
    UtteranceSource,
    target_speakers,
)
from wavenet_ae.loading import device_named, load_with_fingerprint
from wavenet_ae.models import (
    Autoencoder,
    CodeModel,
    CodeStream,
    GenerativeModel,
    SpeechModel,
)
from wavenet_ae.models.inputs import checked_speaker
from wavenet_ae.models.smoothed_codes import require_smoothing
from wavenet_ae.ownership import sole_use
from wavenet_ae.progress import AudioProgress
from wavenet_ae.stream_names import folder_of
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
        if settings.task in ENCODING:
            assert isinstance(model, CodeModel)
            require_smoothing(model, settings.smoothing)
            make = _encode if settings.task == "encode" else _submit
            return make(model, fingerprint, settings)
        assert isinstance(model, GenerativeModel)
        return _generate(model, fingerprint, settings)


def _require_fitting(model: SpeechModel, task: str) -> None:
    if not isinstance(model, GenerativeModel):
        if task in ENCODING:
            return
        raise UserError(
            f"task is {task!r}, but this model has no decoder: choose task=encode or submission, "
            "or a checkpoint of model=autoencoder"
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
    if inversion := model.target.inversion:
        logger.info("sound is made of frames by %s", inversion)
        results.how["sound"] = inversion
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
    folders = {each: settings.destination / folder_of(each.name) for each in model.code_streams}
    source = _recordings(model, settings, taken=_taken(model))
    results = _results(settings, fingerprint, ".npy", streams=model.code_streams)
    if not settings.overwrite:
        for folder in folders.values():
            require_same_model(folder, fingerprint)
    wanted = _wanted(settings, results, source)
    for stream, folder in folders.items():
        made_by = (fingerprint, str(settings.checkpoint), settings.smoothing)
        write_description(folder, describe_units(model, stream, *made_by))
    num_failed = _encode_all(
        source, wanted, results, settings, lambda _, codes: codes.cpu().numpy()
    )
    for stream, folder in folders.items():
        if stream.bottleneck.is_quantizing:
            read = partial(_read_codes, folder)
            write_table(folder / UNITS_TABLE, results.all_there(), read)
    return num_failed


def _taken(model: CodeModel) -> list[str]:
    """Returns the names of results whose record would replace a description of units."""
    places = [PurePath(folder_of(each.name)) / "units" for each in model.code_streams]
    return [place.as_posix() for place in places]


def _read_codes(folder: Path, name: str) -> np.ndarray:
    return read_codes(folder / f"{name}.npy")


def _submit(model: CodeModel, fingerprint: str, settings: GenerationSettings) -> int:
    source = _recordings(model, settings)
    results = _results(settings, fingerprint, ".npy", streams=model.code_streams)
    wanted = _wanted(settings, results, source)
    for stream in model.code_streams:
        write_params(settings.destination / folder_of(stream.name), model, stream)
    return _encode_all(source, wanted, results, settings, frames_of)


def _recordings(
    model: CodeModel, settings: GenerationSettings, taken: Sequence[str] = ()
) -> Recordings:
    inputs = settings.inputs
    return Recordings(model, inputs, settings.max_utterances, taken, settings.smoothing)


def _wanted(
    settings: GenerationSettings, results: ResultStore, source: Recordings
) -> list[Utterance]:
    """Returns the utterances whose codes do not exist yet.  Raises UserError as `_missing` does."""
    utterances, speakers = source.utterances, [each.speaker for each in source.utterances]
    is_wanted = _missing(settings, results, utterances, speakers)
    return [each for each, is_one in zip(utterances, is_wanted, strict=True) if is_one]


def _encode_all(
    source: Recordings,
    wanted: list[Utterance],
    results: ResultStore,
    settings: GenerationSettings,
    content: Callable[[CodeStream, Tensor], np.ndarray],
) -> int:
    """Encodes recordings.

    Args:
        source: Where the recordings come from.
        wanted: The utterances to encode.
        results: Where their codes go.
        settings: Settings of the command.
        content: Makes what is written of the codes of a stream of an utterance.

    Returns:
        How many recordings could not be used.
    """
    num_failed, seconds = 0, _audio_seconds(source.model, wanted)
    with AudioProgress(len(wanted), seconds, AdaptedTorch()) as progress:
        for utterance in wanted:
            try:
                _encode_one(source, utterance, results, content, progress)
            except AudioError as error:
                num_failed += 1
                logger.warning("skipped: %s", error)
    return _log_end(progress, num_failed, settings)


def _encode_one(
    source: Recordings,
    utterance: Utterance,
    results: ResultStore,
    content: Callable[[CodeStream, Tensor], np.ndarray],
    progress: AudioProgress,
) -> None:
    began = time.monotonic()
    encoded = source.content(utterance)
    assert encoded.codes is not None
    results.forget(utterance)
    for stream in source.model.code_streams:
        file = results.file(utterance, folder_of(stream.name))
        write_codes(file, content(stream, encoded.codes[stream.name]))
    seconds = encoded.num_samples / source.model.sample_rate
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
    return Recordings(model, settings.inputs, settings.max_utterances)


def _sampling(settings: GenerationSettings) -> Sampling:
    return Sampling(settings.temperature, settings.top_k, settings.top_p)


def _results(
    settings: GenerationSettings,
    fingerprint: str,
    suffix: str,
    engine: str | None = None,
    streams: Sequence[CodeStream] = (),
) -> ResultStore:
    decides: dict[str, Any] = {"task": settings.task, "model_fingerprint": fingerprint}
    how: dict[str, Any] = {
        "checkpoint": settings.checkpoint,
        "device": device_named(settings.device),
    }
    if settings.task not in ENCODING:
        for name in ("temperature", "top_k", "top_p", "seed"):
            decides[name] = getattr(settings, name)
        how |= {"engine": engine, "batch_size": settings.batch_size}
    if settings.task in ENCODING:
        decides["smoothing"] = settings.smoothing
    if settings.task == "sample":
        decides["seconds"] = settings.seconds
    parts = [folder_of(stream.name) for stream in streams] or [""]
    return ResultStore(settings.destination, suffix, decides, how, parts)


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
