"""MkDocs hook: pages of the site from executed notebooks, with the outputs that they hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

SUFFIX = ".ipynb"
STYLE = re.compile(r"\x1b\[[0-9;]*m")  # colors and weights of a terminal


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace each notebook by a page; the notebook itself stays a file to download."""
    for notebook in [each for each in files if each.src_uri.endswith(SUFFIX)]:
        path = Path(notebook.abs_src_path)
        page = File.generated(
            config, notebook.src_uri.removesuffix(SUFFIX) + ".md", content=as_markdown(path)
        )
        files.append(page)
    return files


def as_markdown(path: Path) -> str:
    """Cells and outputs of a notebook as Markdown."""
    notebook = json.loads(path.read_text())
    return "\n\n".join(part for cell in notebook["cells"] for part in _cell(cell))


def _cell(cell: dict[str, Any]) -> list[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    outputs = [_output(each) for each in cell["outputs"]]
    return [_fenced(source, "python"), *outputs]


def _output(output: dict[str, Any]) -> str:
    """One output: a picture or HTML as it is, else its text."""
    data = output.get("data", {})
    if "image/png" in data:
        content = (
            f'<img alt="plot" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">'
        )
    elif "text/html" in data:
        content = "".join(data["text/html"])
    elif output["output_type"] == "error":
        raise ValueError(f"the notebook ended with {output['ename']}: {output['evalue']}")
    else:
        text = STYLE.sub("", "".join(output.get("text", data.get("text/plain", ""))))
        return f'<div class="cell-output" markdown>\n\n{_fenced(text.rstrip(), "text")}\n\n</div>'
    single_line = " ".join(content.split())  # a blank line would end the HTML block
    return f'<div class="cell-output">{single_line}</div>'


def _fenced(text: str, language: str) -> str:
    return f"``````{language}\n{text}\n``````"
