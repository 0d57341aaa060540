"""An evaluation from its configuration to its result."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from wavenet_ae.engines import make_engine
from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import EvaluationConfig
from wavenet_ae.evaluation.dataset import open_dataset
from wavenet_ae.evaluation.part import (
    Context,
    Need,
    Part,
    SkipPart,
    environment_lacks,
    find_parts,
    model_lacks,
)
from wavenet_ae.evaluation.report.words import REASONS
from wavenet_ae.evaluation.results import FILE, EvaluationResult
from wavenet_ae.loading import device_named, load_with_fingerprint
from wavenet_ae.model_paths import name_of
from wavenet_ae.models import CodeModel, GenerativeModel, SpeechModel, model_summary
from wavenet_ae.ownership import sole_use
from wavenet_ae.progress import Progress
from wavenet_ae.provenance import this_command
from wavenet_ae.runs import RunFolder
from wavenet_ae.stream_names import ONLY_STREAM
from wavenet_ae.threads import AdaptedTorch

logger = logging.getLogger(__name__)


def evaluate(config: EvaluationConfig) -> EvaluationResult:
    """Measures the parts that `config.metrics` names, or all that can be measured.

    Writes `<out>/evaluation.json` after each part, and a part's files beside it.  Parts that are
    there already, of the same model and corpus, stay.

    Returns:
        What is in the file at the end.

    Raises:
        UserError: Before anything is measured, if checkpoint, data and configuration do not fit
            together; at the end, if a part that was asked for by name found nothing to measure.
    """
    model, fingerprint = load_with_fingerprint(config.file)
    skipped: dict[str, str] = {}
    lacking = model_lacks(model) | environment_lacks()
    parts = _able(find_parts(config.metrics), lacking, config, skipped)
    device = device_named(config.device)
    model.to(device)
    context = Context(model, open_dataset(model, config), config, config.destination)
    if any("labels" in part.needs | part.uses for part in parts) and not context.labeled.rows:
        parts = _able(parts, {"labels"}, config, skipped, context.labeled.other_labels())
    if isinstance(model, GenerativeModel) and any("audio" in part.needs for part in parts):
        make_engine(config.engine, model.decoder)  # raises now if there is none
    with sole_use(config.destination, "wait until it is done, or set out to another folder"):
        result = _earlier(
            EvaluationResult(
                model=_described(model, fingerprint, config),
                corpus=context.dataset.described(model, config.chosen_split),
                command={**this_command(), "config": asdict(config)},
            ),
            config,
        )
        for name, reason in skipped.items():
            result = result.without_part(name, reason)
        for part in parts:
            model.to("cpu" if part.is_on_cpu else device)
            result = _with_measured(part, context, result)
            result.save(config.destination)
    _require_measured(result, context)
    return result


def _require_measured(result: EvaluationResult, context: Context) -> None:
    for part in find_parts(context.config.metrics):
        if part.id in result.skipped and part.id in context.config.metrics:
            reason = result.skipped[part.id]
            hint = ""
            if "labels" in part.uses and not context.labeled.rows:
                hint = context.labeled.other_labels()
            remedy = f"; {hint}," if hint else ":"
            raise UserError(
                f"metrics has {part.id}, but {REASONS.get(reason, reason)}{remedy} evaluate on "
                f"other recordings, or remove {part.id} from metrics"
            )


def _able(
    parts: Iterable[Part],
    lacking: Collection[Need],
    config: EvaluationConfig,
    skipped: dict[str, str],
    hint: str = "",
) -> list[Part]:
    """Parts that need nothing that is lacking; the others are added to `skipped`, and are an error
    where they were asked for.  The hint says what may be meant instead of what is lacking."""
    able, refused = [], {}
    for part in parts:
        missing = [f"no_{need}" for need in sorted(part.needs) if need in lacking]
        if missing:
            refused[part.id] = missing[0]
        else:
            able.append(part)
    where = f" (labels={config.labels}, suffix={config.suffix})" if "labels" in lacking else ""
    where += f"; {hint}" if hint else ""
    for reason in dict.fromkeys(refused.values()):
        names = ", ".join(name for name, why in refused.items() if why == reason)
        if config.metrics:
            remedy = "set labels=<where they are>, or remove" if where else "remove"
            remedy = "or remove" if hint else remedy
            raise UserError(
                f"metrics has {names}, but {REASONS[reason]}{where}{',' if hint else ':'} {remedy} "
                f"{names} from metrics"
            )
        logger.warning("skipped %s: %s%s", names, REASONS[reason], where)
    skipped |= refused
    return able


def _with_measured(part: Part, context: Context, result: EvaluationResult) -> EvaluationResult:
    """Measures a part; one that finds nothing to measure is skipped."""
    with Progress(part.id, threads=AdaptedTorch()) as progress:
        try:
            return result.with_part(part.id, list(part.run(context, progress)))
        except SkipPart as skip:
            (reason,) = skip.args
            logger.warning("skipped %s: %s", part.id, REASONS.get(reason, reason))
            return result.without_part(part.id, reason)


def _earlier(result: EvaluationResult, config: EvaluationConfig) -> EvaluationResult:
    """Returns the result with the tables of an earlier one in its folder.

    Raises:
        UserError: If that is of another model or other data.
    """
    file = config.destination / FILE
    if not file.is_file():
        return result
    then = EvaluationResult.load(file)
    for what, before, now in (
        ("model", then.model["fingerprint"], result.model["fingerprint"]),
        ("data", then.corpus, result.corpus),
    ):
        if before != now:
            raise UserError(f"{file} is of another {what}: set out=<another folder>, or remove it")
    for part in dict.fromkeys(table.part for table in then.tables):
        result = result.with_part(part, [each for each in then.tables if each.part == part])
    for part, reason in then.skipped.items():
        result = result.without_part(part, reason)
    return result


def _described(model: SpeechModel, fingerprint: str, config: EvaluationConfig) -> dict[str, Any]:
    """Returns the model as plain values."""
    folder = config.run_folder
    described: dict[str, Any] = {
        "name": RunFolder(folder).name if folder else name_of(config.file),
        "checkpoint": str(config.file.absolute()),
        "fingerprint": fingerprint,
        "sample_rate": model.sample_rate,
        "num_speakers": len(model.speakers),
        "summary": model_summary(model, model.window(int(model.hop))),
    }
    if isinstance(model, CodeModel):
        streams = {
            stream.name: {
                "bottleneck": type(stream.bottleneck).__name__,
                "codes_per_second": float(model.sample_rate / stream.hop),
                "codebook_size": stream.bottleneck.codebook_size,
                "num_codebooks": stream.bottleneck.num_codebooks,
            }
            for stream in model.code_streams
        }
        described |= streams.get(ONLY_STREAM, {"streams": streams})
    return described
