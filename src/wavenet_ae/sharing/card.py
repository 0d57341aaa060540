"""The model card of a folder: Markdown for people, below a header for the Hugging Face Hub."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence

import yaml

from wavenet_ae.evaluation.report.prose import about, introduction
from wavenet_ae.evaluation.report.table_words import table_words
from wavenet_ae.evaluation.report.tables import cell, is_printed, shown_columns
from wavenet_ae.evaluation.report.words import NOT_ON_CONSOLE, heading
from wavenet_ae.evaluation.results import EvaluationResult, ResultTable
from wavenet_ae.models import Autoencoder, CodeModel, SpeechModel, headline

LIBRARY = "wavenet_ae"
# All of an absolute path but its last part, at the beginning of a value or within a list.
FOLDERS = re.compile(r"(?<![^=\[,'\"])/(?:[^/,\]'\"]*/)*")
QUOTED = re.compile(r"='([^']*)'$")  # a value that is quoted for Hydra


def model_card(
    model: SpeechModel,
    name: str,
    evaluation: EvaluationResult | None = None,
    license: str | None = None,
) -> str:
    """Returns the card of a model: what it is, how it is used, and what was measured.

    Args:
        model: The model.
        name: Its title.
        evaluation: What was measured of it, if anything was.
        license: Identifier of the license of the weights.
    """
    parts = [
        _header(model, license),
        f"# {name}",
        _introduction(model),
        f"```python\n{_use(model, name)}```",
        "## Model",
        "\n".join(f"- {line}" for line in (*headline(model), _speakers(model))),
    ]
    if evaluation is not None:
        parts += ["## Evaluation", *_evaluation(evaluation)]
    return "\n\n".join(parts) + "\n"


def _header(model: SpeechModel, license: str | None) -> str:
    tags = ["audio", "speech"]
    if isinstance(model, CodeModel):
        tags.append("speech-units")
    if isinstance(model, Autoencoder):
        tags.append("audio-codec")
    fields = {"license": license, "library_name": LIBRARY, "tags": tags}
    given = {key: value for key, value in fields.items() if value is not None}
    return f"---\n{yaml.safe_dump(given, sort_keys=False)}---"


def _introduction(model: SpeechModel) -> str:
    does = "predicts speech"
    if isinstance(model, CodeModel):
        decodes = isinstance(model, Autoencoder)
        does = "encodes speech and decodes it again" if decodes else "encodes speech"
    return f"A model that {does}, at {model.sample_rate} Hz, trained with `wavenet_ae`."


def _use(model: SpeechModel, name: str) -> str:
    lines = ["import wavenet_ae", "", f"model = wavenet_ae.load({json.dumps(name)})"]
    if isinstance(model, CodeModel):
        lines.append("codes = model.encode(waveform, rate)  # int16, or floats of full scale 1")
    if isinstance(model, Autoencoder):
        lines.append("sound = model.decode(codes)")
    return "".join(f"{each}\n" for each in lines)


def _speakers(model: SpeechModel) -> str:
    return f"speakers: {len(model.speakers)}, and the unknown speaker"


def _evaluation(result: EvaluationResult) -> Iterator[str]:
    """Yields sentences on data and model, the command, and the tables that a console shows."""
    yield " ".join(introduction([result]))
    yield f"```\n{without_folders(str(result.command['command']))}\n```"
    for table in result.tables:
        if is_printed(table):
            yield f"### {table_words(table.id).title}"
            yield _markdown(table)
            if text := about(table):
                yield text


def _markdown(table: ResultTable) -> str:
    """Returns a table as Markdown, with the columns that a console has room for."""
    names = [name for name in shown_columns(table.columns) if name not in NOT_ON_CONSOLE]
    rows: list[Sequence[str]] = [[heading(name) for name in names], ["---"] * len(names)]
    rows += [[cell(row, name) for name in names] for row in table.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def without_folders(command: str) -> str:
    """Returns a command in which each absolute path is cut to its last part.

    Args:
        command: As a shell reads it; its values may be quoted for Hydra too.
    """
    words = [FOLDERS.sub("", each) for each in shlex.split(command)]
    return shlex.join(QUOTED.sub(r"=\1", each) for each in words)
