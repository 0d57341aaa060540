"""Schema of a configuration: constructors' annotations, and whether plain values fit them.

An annotation such as `num_mels: Positive` is a whole number of at least 1. Such bounds mean nothing
to the constructor itself; the check of a configuration reads them.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from wavenet_ae.errors import UserError, nearest


@dataclass(frozen=True)
class AtLeast:
    """Lower bound, inclusive; NaN and infinity do not pass."""

    least: float

    def holds(self, value: float) -> bool:
        return self.least <= value < inf

    def __str__(self) -> str:
        return f"of at least {self.least:g}"


@dataclass(frozen=True)
class Above:
    """Lower bound, exclusive; NaN and infinity do not pass."""

    bound: float

    def holds(self, value: float) -> bool:
        return self.bound < value < inf

    def __str__(self) -> str:
        return f"above {self.bound:g}"


@dataclass(frozen=True)
class AtMost:
    """Upper bound, inclusive; NaN and negative infinity do not pass."""

    most: float

    def holds(self, value: float) -> bool:
        return -inf < value <= self.most

    def __str__(self) -> str:
        return f"of at most {self.most:g}"


@dataclass(frozen=True)
class Below:
    """Upper bound, exclusive; NaN and negative infinity do not pass."""

    bound: float

    def holds(self, value: float) -> bool:
        return -inf < value < self.bound

    def __str__(self) -> str:
        return f"below {self.bound:g}"


@dataclass(frozen=True)
class Remark:
    """Text about accepted values that error messages show; it bounds nothing."""

    text: str

    def holds(self, value: object) -> bool:
        return True

    def __str__(self) -> str:
        return f"({self.text})"


BOUNDS = (AtLeast, Above, AtMost, Below, Remark)

MOST_BITS = 63  # of a whole number without its sign: tensors and tables hold no more
Positive = Annotated[int, AtLeast(1)]
Width = Annotated[int, AtLeast(1), AtMost(2**16)]  # of a layer: channels, taps, strides
NonNegative = Annotated[int, AtLeast(0)]
StepCount = Annotated[int, AtLeast(0), AtMost(2**53)]  # which a float64 holds exactly
PositiveNumber = Annotated[float, Above(0)]
NonNegativeNumber = Annotated[float, AtLeast(0)]
Fraction01 = Annotated[float, AtLeast(0), AtMost(1)]
PositiveFraction = Annotated[float, Above(0), AtMost(1)]
FractionBelow1 = Annotated[float, AtLeast(0), Below(1)]
OpenFraction = Annotated[float, Above(0), Below(1)]

HIGHEST_RATE_HZ = 768_000  # recorders of bats; resampling to much more would fill the memory
SampleRate = Annotated[int, AtLeast(1), AtMost(HIGHEST_RATE_HZ)]

NUMBERS: dict[type, str] = {int: "a whole number", float: "a number"}
NAMES: dict[Any, str] = {**NUMBERS, str: "a text", bool: "true or false", type(None): "null"}


def parameter_types(target: Callable[..., Any]) -> dict[str, Any]:
    """Returns the annotation of each named parameter of a class or function, Any if it has none.

    Parameters that a target takes by `**kwargs` are unknown, so that no typo passes there.
    """
    function = target.__init__ if inspect.isclass(target) else target  # type: ignore[misc]
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError:  # an annotation that is imported for type checkers only
        hints = {}
    return {name: hints.get(name, Any) for name in named_parameters(target)}


def named_parameters(target: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Returns the parameters of a class or function, without `*args` and `**kwargs`."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(target).parameters
    return {name: each for name, each in parameters.items() if each.kind not in variadic}


def accepts(value: Any, annotation: Any) -> bool:
    """Returns whether a plain value of a configuration fits an annotation.

    A class that is not a plain type has to be built from a node with a `_target_`, so no plain
    value fits it.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is Any or isinstance(annotation, str):
        return True
    if origin in (Union, types.UnionType):
        return any(accepts(value, each) for each in arguments)
    if origin is Annotated:
        return accepts(value, arguments[0]) and all(
            each.holds(value) for each in _bounds(arguments)
        )
    if origin is Literal:
        return value in arguments
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping)
    if origin is not None and issubclass(origin, Sequence):
        item = arguments[0] if arguments else Any
        return isinstance(value, list | tuple) and all(accepts(each, item) for each in value)
    if annotation in NUMBERS:
        kinds = int if annotation is int else int | float
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        return is_number and (isinstance(value, float) or value.bit_length() <= MOST_BITS)
    if annotation is None or annotation is type(None):
        return value is None
    return isinstance(annotation, type) and isinstance(value, annotation)


def object_classes(annotation: Any) -> tuple[type, ...]:
    """Returns the classes of which an annotation takes one object, such as `Features | None`.

    Classes of Python itself, protocols, callables and collections do not count: every class would
    fit some of them.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return tuple(found for each in arguments for found in object_classes(each))
    if origin is Annotated:
        return object_classes(arguments[0])
    if origin is not None or not isinstance(annotation, type):
        return ()
    is_of_python = annotation.__module__.partition(".")[0] in sys.stdlib_module_names
    return () if is_of_python or getattr(annotation, "_is_protocol", False) else (annotation,)


def describe(annotation: Any) -> str:
    """Describes an annotation in words, for an error message."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(describe(each) for each in arguments))
    if origin is Annotated:
        bounds = " and ".join(str(each) for each in _bounds(arguments))
        return f"{describe(arguments[0])} {bounds}".rstrip()
    if origin is Literal:
        listed = ", ".join(str(each) for each in arguments)
        return f"one of {listed}" if len(arguments) > 1 else listed
    if origin is not None and issubclass(origin, Mapping):
        return "a mapping"
    if origin is not None and issubclass(origin, Sequence):
        return f"a list, each item {describe(arguments[0])}" if arguments else "a list"
    if annotation in NAMES:
        return NAMES[annotation]
    name = getattr(annotation, "__name__", str(annotation))
    return f"a node with a _target_ that makes a {name}"


def _bounds(arguments: tuple[Any, ...]) -> list[Any]:
    """Bounds of this module in `Annotated[type, ...]`; other libraries' metadata is skipped."""
    return [each for each in arguments[1:] if isinstance(each, BOUNDS)]


def binding_problems(
    kind: type, node: Mapping[str, Any], where: str = "", derived: Iterable[str] = ()
) -> Iterator[str]:
    """Lists what keeps `kind(**node)` from being built.

    Args:
        kind: Class whose constructor is the schema.
        node: Arguments as plain values.
        where: Prefix of each key in the messages, such as `hydra.sweeper.`.
        derived: Parameters that the program sets.

    Yields:
        One message for each problem.
    """
    types = {name: each for name, each in parameter_types(kind).items() if name not in derived}
    for name, value in node.items():
        if name not in types:
            yield f"{where}{name} is not known.{nearest(str(name), types)}"
        elif not accepts(value, types[name]):
            yield f"{where}{name} is {value!r}, but must be {describe(types[name])}"
    for name, parameter in named_parameters(kind).items():
        if name in types and name not in node and parameter.default is parameter.empty:
            yield f"{where}{name} is missing: it must be {describe(types[name])}"


def require_none(problems: Iterable[str]) -> None:
    """Raises one UserError that lists all problems; a single problem stays on one line.

    Raises:
        UserError: If there is a problem.
    """
    found = list(problems)
    if len(found) == 1:
        raise UserError(found[0])
    if found:
        raise UserError("\n  - ".join([f"{len(found)} settings cannot be used:", *found]))
