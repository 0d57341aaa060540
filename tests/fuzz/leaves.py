"""Mutations of what a file holds: a value of a checkpoint, an archive, YAML or JSON is replaced."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from wavenet_ae.randomness import keyed_seed

REMOVE = object()
ODD_VALUES = (
    *(REMOVE, None, True, 0, -1, 2**31, 10**6, 10**400, 0.5, float("nan"), float("inf"), -1e308),
    *("", "x", "x" * 10**5, "../../x", "\0", "\n\t", "${oc.env:HOME}", "1e999", [], {}, [[]]),
    *([1] * 1000, {"_target_": "os.system"}, {"_target_": "wavenet_ae.exits.guarded"}),
    *("wavenet_ae.exits.guarded", "os.system", {"x": {"y": None}}),
)
ODD_TENSORS = (torch.zeros(0), torch.tensor(float("nan")), torch.zeros(3, 3, 3), torch.tensor(7))

ODD_ARRAYS = (
    *(np.zeros(0, np.int64), np.array(7), np.full((2, 2, 2), np.nan), np.array(["x"] * 3)),
    *(np.full(400, -100), np.full(400, 2**63, np.uint64), np.zeros((10**12, 0), np.float32)),
    *(np.full((8, 3), np.inf), np.zeros(400, np.complex64), np.zeros((8, 3), bool)),
)


def with_odd_leaf(file: Path, *key: int | str) -> tuple[str, bytes]:
    """Returns where a value was replaced and by what, and the bytes of the file that has it."""
    rng = np.random.default_rng(keyed_seed("leaves", *key))
    content = _read(file)
    places = list(_places(content))
    holder, name, path = places[int(rng.integers(len(places)))]
    odd = ODD_VALUES + (ODD_TENSORS if file.suffix == ".ckpt" else ())
    if file.suffix == ".npz" and holder is content and name != "header":
        odd = ODD_ARRAYS
    value = odd[int(rng.integers(len(odd)))]
    if value is REMOVE:
        del holder[name]
    else:
        holder[name] = value
    shown = "nothing" if value is REMOVE else repr(value)[:40]
    return f"{path} = {shown}", _written(file, content)


def _read(file: Path) -> Any:
    if file.suffix == ".ckpt":
        return torch.load(file, weights_only=True)
    if file.suffix == ".npz":
        with np.load(file) as archive:
            return {**archive, "header": json.loads(archive["header"].tobytes())}
    return yaml.safe_load(file.read_text())  # JSON is YAML


def _written(file: Path, content: Any) -> bytes:
    if file.suffix == ".ckpt":
        stream = io.BytesIO()
        torch.save(content, stream)
        return stream.getvalue()
    if file.suffix == ".npz":
        stream = io.BytesIO()
        header = np.frombuffer(json.dumps(content.pop("header", None)).encode(), dtype=np.uint8)
        np.savez(stream, header=header, **content)
        return stream.getvalue()
    if file.suffix == ".json":
        return json.dumps(content).encode()
    return yaml.safe_dump(content).encode()


def _places(node: Any, path: str = "") -> Any:
    """Yields each holder of a value, the value's key in it, and its dotted path."""
    items = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
    for key, value in items:
        where = f"{path}.{key}" if path else str(key)
        yield node, key, where
        if isinstance(value, dict | list):
            yield from _places(value, where)
