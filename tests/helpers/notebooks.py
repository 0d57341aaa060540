"""Executing the notebooks of docs/gallery.

`python tests/helpers/notebooks.py` executes them as they stand and records their outputs, which the
site shows.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"
NOTEBOOKS = (
    "train_on_toy",
    "encode_and_convert",
)  # in this order: the second loads the first's run


def executed(name: str, folder: Path, **values: int) -> nbformat.NotebookNode:
    """Execute a notebook in a folder.

    Args:
        name: Name of the file in docs/gallery, without its suffix.
        folder: Working directory of the kernel.
        values: Other values for variables that a cell assigns, such as `num_steps=10`.

    Returns:
        The notebook with the outputs of this execution.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    notebook = nbformat.read(GALLERY / f"{name}.ipynb", as_version=4)
    for variable, value in values.items():
        _assign(notebook, variable, value)
    NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=3600,  # a cell trains, which takes long beside other programs
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return notebook


def _assign(notebook: nbformat.NotebookNode, variable: str, value: int) -> None:
    for cell in notebook.cells:
        lines = cell.source.split("\n")
        found = [line for line in lines if line.startswith(f"{variable} = ")]
        if found:
            lines[lines.index(found[0])] = f"{variable} = {value}"
            cell.source = "\n".join(lines)
            return
    raise ValueError(f"no cell assigns {variable}")


if __name__ == "__main__":
    for each in NOTEBOOKS:
        nbformat.write(executed(each, GALLERY), GALLERY / f"{each}.ipynb")
