"""The report: one HTML file that needs nothing from outside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from wavenet_ae.errors import UserError
from wavenet_ae.evaluation.config import unique_names
from wavenet_ae.evaluation.report.audio_players import utterances
from wavenet_ae.evaluation.report.plots import Plot, plots
from wavenet_ae.evaluation.report.prose import introduction, skipped_words
from wavenet_ae.evaluation.report.sections import SUMMARY_ABOUT, provenance, sections, summary
from wavenet_ae.evaluation.results import EvaluationResult
from wavenet_ae.reading import fields_of, shown
from wavenet_ae.schema import NonNegative, NonNegativeNumber
from wavenet_ae.storage import atomic_write

# What the page says of each result, beside its tables.
CORPUS = {
    **{"fingerprint": str, "split": str, "source": Mapping[str, Any]},
    **{"split_utterances": NonNegative, "split_utterances_of_known_speakers": NonNegative},
    "split_seconds": NonNegativeNumber,
}
MODEL = {"sample_rate": NonNegative, "num_speakers": NonNegative}
STREAMS = {"streams": Mapping[str, Any]}
STREAM = {
    **{"bottleneck": str, "codes_per_second": NonNegativeNumber},
    **{"codebook_size": NonNegative | None, "num_codebooks": NonNegative | None},
}
ASSETS = files("wavenet_ae.evaluation.report") / "assets"


def write_report(evaluations: Sequence[Path], path: Path) -> None:
    """Writes the page of evaluation.json files, one for each model, whole or not at all.

    Raises:
        UserError: If a file is not a result.
    """
    results = load_results(evaluations)
    page = rendered(results, plots(results))
    with atomic_write(path) as file:
        file.write(page.encode("utf-8", "backslashreplace"))


def load_results(paths: Sequence[Path]) -> list[EvaluationResult]:
    """Loads results, whose models get unique names.

    Raises:
        UserError: If a file is not a result.
    """
    results = [_loaded(each) for each in paths]
    names = unique_names([each.name for each in results])
    return [
        replace(each, model={**each.model, "name": name})
        for each, name in zip(results, names, strict=True)
    ]


def _loaded(path: Path) -> EvaluationResult:
    """Loads a result that says of its model and its corpus what the page says."""
    result = EvaluationResult.load(path)
    fields_of(result.corpus, CORPUS, f"{path}: corpus")
    has_several = "streams" in result.model
    fields_of(result.model, MODEL | (STREAMS if has_several else {}), f"{path}: model")
    for name, stream in result.streams.items():
        fields_of(stream, STREAM, f"{path}: model {name}")
    if wrong := [part for part, reason in result.skipped.items() if not isinstance(reason, str)]:
        raise UserError(f"{path}: skipped.{wrong[0]} is {shown(result.skipped[wrong[0]])}")
    return result


def rendered(results: Sequence[EvaluationResult], plotted: Sequence[Plot]) -> str:
    """Returns the page; names and texts of results are escaped, so that none of them runs."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    script = _asset("script.js")
    return (
        environment.from_string(_asset("report.html"))
        .render(
            title=_title(results),
            style=Markup(_asset("style.css")),
            script=Markup(script),
            script_hash="sha256-" + b64encode(sha256(script.encode()).digest()).decode(),
            introduction=introduction(results),
            num_models=len(results),
            summary=summary(results),
            summary_about=SUMMARY_ABOUT,
            skipped={each.name: skipped_words(each.skipped) for each in results if each.skipped},
            sections=sections(results),
            plots=plotted,
            utterances=utterances(results),
            provenance=[provenance(each) for each in results],
        )
        .lstrip()
    )


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _title(results: Sequence[EvaluationResult]) -> str:
    if len(results) == 1:
        return f"Evaluation of {results[0].name}"
    return f"Evaluation of {len(results)} models"
