"""Files that are read whole: whatever is in them, what they hold or a `UserError` that names them.

A file from a disk may be cut off, of another kind, or made to harm. What is read is parsed into a
schema, and the error names the file, the line, the value and what is accepted.
"""

from __future__ import annotations

import codecs
import json
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from wavenet_ae.errors import UserError
from wavenet_ae.schema import accepts, describe

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
LFS_REMEDY = "is a Git LFS pointer, not the file itself: fetch the file with `git lfs pull`"
NUM_SHOWN = 80  # characters of a value in an error message
# A configuration has a few hundred values, a mapping of labels some ten thousand.
MOST_YAML_NODES = 200_000
MOST_YAML_DEPTH = 64
YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast

SURROGATES = re.compile(r"\\u([dD][89a-fA-F][0-9a-fA-F]{2})")  # escapes of what is no character


def read_bytes(path: Path) -> bytes:
    """Reads a file.

    Raises:
        UserError: There is no such file, it cannot be read, or it is a Git LFS pointer.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise UserError(f"{path} cannot be read: it is a pipe or a device, not a file")
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path} cannot be read: {reason}") from None
    if content.startswith(LFS_POINTER):
        raise UserError(f"{path} {LFS_REMEDY}")
    return content


def read_text(path: Path) -> str:
    """Reads a text: UTF-16 if its first bytes are, else UTF-8, with a byte order mark or without.

    Raises:
        UserError: It cannot be read, or is no such text.
    """
    content = read_bytes(path)
    encoding = _encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not {encoding.upper().removesuffix('-SIG')} text ({error.reason} at byte "
            f"{error.start}): save it as UTF-8"
        ) from None


def _encoding(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    match [byte == 0 for byte in content[:4]]:  # ASCII in two bytes each
        case [False, True, False, True]:
            return "utf-16-le"
        case [True, False, True, False]:
            return "utf-16-be"
    return "utf-8-sig"


def read_any_text(path: Path) -> str:
    """Reads a text for people, such as why a run failed; other bytes than UTF-8 are replaced.

    Raises:
        UserError: It cannot be read.
    """
    return read_bytes(path).decode("utf-8", "replace")


def read_json(path: Path) -> Any:
    """Reads a file of JSON.

    Raises:
        UserError: It cannot be read, or is not JSON.
    """
    return parse_json(read_text(path), str(path))


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Yields the number of each line of a file and what it holds as JSON, without blank lines.

    Raises:
        UserError: The file cannot be read, or a line is not JSON.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield number, parse_json(line, f"{path}, line {number}")


def parse_json(text: str, where: str) -> Any:
    """Returns what a text of JSON holds.

    Args:
        text: All of a file, or one of its lines.
        where: File and line, for error messages.

    Raises:
        UserError: It is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error})") from None


def read_yaml(path: Path) -> Any:
    """Reads a file of YAML.

    Raises:
        UserError: It cannot be read, is not YAML, or would take more memory than any file of ours.
    """
    text = read_text(path)
    loader = _yaml_loader(text)
    try:
        _require_small(text, path, loader)
        return yaml.load(text, Loader=loader)
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        # Tags and dates that do not fit their values raise others than YAMLError.
        reason = " ".join(str(error).split()).replace('"<unicode string>", ', "")
        raise UserError(f"{path} cannot be read as YAML: {reason}") from None


def _yaml_loader(text: str) -> Any:
    """Returns libyaml's loader, or Python's where a text has escaped bytes, which libyaml refuses.

    They stand for the bytes of a path that are no UTF-8, as `os.fsdecode` gives them.
    """
    escapes = SURROGATES.findall(text)
    is_bytes = all(0xDC80 <= int(each, 16) <= 0xDCFF for each in escapes)
    return yaml.SafeLoader if escapes and is_bytes else YAML_LOADER


def _require_small(text: str, path: Path, loader: Any) -> None:
    """Raises UserError where nodes are nested without end, or aliases multiply them."""
    sizes: dict[str | None, int] = {}  # nodes below each anchor
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and nodes before it
    total = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            # An alias of a node that holds it would be without end.
            total += sizes.get(event.anchor, MOST_YAML_NODES)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            sizes[anchor] = total - before
        if total > MOST_YAML_NODES or len(open_nodes) > MOST_YAML_DEPTH:
            is_deep = len(open_nodes) > MOST_YAML_DEPTH
            raise UserError(
                f"{path}, line {event.start_mark.line + 1}: more than "
                + (f"{MOST_YAML_DEPTH} levels" if is_deep else f"{MOST_YAML_NODES} values")
                + ", which no file of settings has"
            )


def fields_of(value: Any, schema: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Returns the fields of an object that was read, those of a schema and no others.

    Args:
        value: What was read.
        schema: Name of each field, and an annotation that its value must fit.
        where: File and line, for error messages.

    Raises:
        UserError: It is no object, lacks a field, or one has another type or is out of bounds.
    """
    if not isinstance(value, Mapping):
        raise UserError(f"{where}: {shown(value)}, where {', '.join(schema)} are expected")
    for name, kind in schema.items():
        if name not in value:
            raise UserError(f"{where}: {name} is missing: it must be {describe(kind)}")
        if not accepts(value[name], kind):
            raise UserError(
                f"{where}: {name} is {shown(value[name])}, but must be {describe(kind)}"
            )
    return {name: value[name] for name in schema}


def shown(value: object) -> str:
    """Returns a value for an error message, cut off where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python prints no numbers of more than 4300 digits
        return "a number of thousands of digits"
    return text if len(text) <= NUM_SHOWN else f"{text[: NUM_SHOWN - 3]}..."
