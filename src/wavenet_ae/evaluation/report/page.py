"""One HTML file that says all: nothing in it comes from outside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from wavenet_ae.evaluation.report.audio_players import utterances
from wavenet_ae.evaluation.report.figure import Figure
from wavenet_ae.evaluation.report.figures import figures
from wavenet_ae.evaluation.report.prose import introduction
from wavenet_ae.evaluation.report.provenance_section import making
from wavenet_ae.evaluation.report.reading import Judged, read_evaluations
from wavenet_ae.evaluation.report.sections import sections
from wavenet_ae.evaluation.report.summary import ABOUT, summary
from wavenet_ae.storage import atomic_write

ASSETS = files("wavenet_ae.evaluation.report") / "assets"


def write_report(evaluations: Sequence[Path], path: Path) -> None:
    """Of evaluation.json files, one for each model, a page at `path`, whole or not at all.

    Raises UserError where a file is not an evaluation's.
    """
    judged = read_evaluations(evaluations)
    page = rendered(judged, figures(judged))
    with atomic_write(path) as file:
        file.write(page.encode())


def rendered(judged: Sequence[Judged], drawn: Sequence[Figure]) -> str:
    """Whatever names and texts hold is shown as it is, and none of it runs."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    script = _asset("script.js")
    return (
        environment.from_string(_asset("report.html"))
        .render(
            title=_title(judged),
            style=Markup(_asset("style.css")),
            script=Markup(script),
            script_hash="sha256-" + b64encode(sha256(script.encode()).digest()).decode(),
            introduction=introduction(judged),
            num_models=len(judged),
            summary=summary(judged),
            summary_about=ABOUT,
            sections=sections(judged),
            figures=drawn,
            utterances=utterances(judged),
            makings=[making(each) for each in judged],
        )
        .lstrip()
    )


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _title(judged: Sequence[Judged]) -> str:
    if len(judged) == 1:
        return f"Evaluation of {judged[0].name}"
    return f"Evaluation of {len(judged)} models"
