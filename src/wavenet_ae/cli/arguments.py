"""Arguments of the command line, before Hydra parses them.

Hydra's grammar gives a meaning to `~`, `=`, commas, parentheses and spaces. A path may have any of
them. So the values of keys that are paths are quoted for Hydra, as the shell has passed them, and
what it cannot parse ends with a line that says how to write it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import CompactHydraException, OverrideParseException

from wavenet_ae.cli.help import HELP, HelpPage
from wavenet_ae.composition import WITH_VALUE, compose, explain
from wavenet_ae.config import conf_folder
from wavenet_ae.errors import UserError, nearest
from wavenet_ae.exits import guarded, restart_with_utf8
from wavenet_ae.paths import LIST_KEYS, PATH_KEYS
from wavenet_ae.recipes.compose import OF_STAGE

OVERRIDE = re.compile(r"(\+{0,2})([A-Za-z_][\w./@]*)=(.*)", re.DOTALL)
MULTIRUN = ("-m", "--multirun")
# A sweep over several values, which Hydra has to read by itself.
SWEEP = re.compile(r"(choice|range|interval|glob|sort|shuffle|tag)\(.*\)", re.DOTALL)
REFERENCE, ESCAPED_REFERENCE = "${", "\\${"  # the beginning of an interpolation
OPTIONS_OF_USE = ("--help", "--multirun", "-m", "--config-dir", "--config-name", "--cfg", "--info")
LITERALS = ("", "null", "???")
NULL = "null"
OPTIONAL_GROUPS = ("experiment", "sweep", "debug")  # their option is null by default
FULL_ERROR = "HYDRA_FULL_ERROR"


def command(config_name: str, **shown: Any) -> Callable[[Callable[[Any], Any]], Callable[[], Any]]:
    """Makes a command of a function of a configuration that Hydra composes.

    Args:
        config_name: Name of the primary configuration in conf/.
        **shown: What of it `--help` shows, see `HelpPage`, below the docstring of the module.
    """

    def decorate(function: Callable[[Any], Any]) -> Callable[[], Any]:
        composed = hydra.main(
            config_path=str(conf_folder()), config_name=config_name, version_base="1.3"
        )(function)

        @wraps(function)
        def run() -> Any:
            restart_with_utf8()
            arguments = guarded(lambda: for_hydra(sys.argv[1:]))
            if any(each in HELP for each in arguments):
                page = HelpPage(config_name, str(function.__globals__["__doc__"]), **shown)
                print(guarded(lambda: page.render(arguments)))
                return None
            sys.argv[1:] = arguments
            return guarded(lambda: _explained(composed, config_name, arguments))

        return run

    return decorate


def _explained(composed: Callable[[], Any], config_name: str, arguments: Sequence[str]) -> Any:
    """Runs a command; where its configuration cannot be composed, says why in our words."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"  # or Hydra prints its own text and exits
    try:
        return composed()
    except CompactHydraException as error:
        composing = partial(compose, config_name)
        raise UserError(explain(error, arguments, composing)) from None
    finally:
        if before is None:
            os.environ.pop(FULL_ERROR, None)


def for_hydra(arguments: Sequence[str]) -> list[str]:
    """Returns arguments in which the values of path keys are quoted.

    An optional group set to `null`, which Hydra refuses, is left out.

    Args:
        arguments: As the shell passes them.

    Raises:
        UserError: An argument is one that Hydra's grammar cannot read, or sets another group to
            `null`.
    """
    is_multirun = any(each in MULTIRUN for each in arguments)
    quoted = [_added(_quoted_path(each, is_multirun)) for each in arguments]
    before = ""
    for given, argument in zip(arguments, quoted, strict=True):
        if before not in WITH_VALUE:
            (_require_option if argument.startswith("-") else _require_readable)(given, argument)
        before = given
    return [each for each in quoted if not _unsets_group(each)]


def _unsets_group(argument: str) -> bool:
    """Returns whether an argument sets an optional group to `null`; raises for another group."""
    found = OVERRIDE.fullmatch(argument)
    if found is None or found[3].lower() != NULL:
        return False
    group = conf_folder() / found[2].partition("@")[0]
    if not group.is_dir():
        return False
    if found[2] not in OPTIONAL_GROUPS:
        options = ", ".join(sorted(each.stem for each in group.glob("*.yaml")))
        raise UserError(
            f"{argument}: null is no option of {found[2]}; choose one ({options}), or leave it out"
        )
    return True


def _quoted_path(argument: str, is_multirun: bool) -> str:
    found = OVERRIDE.fullmatch(argument)
    if found is None or _key_of_run(found[2]) not in PATH_KEYS:
        return argument
    value = found[3]
    if value not in LITERALS and os.path.lexists(os.path.expanduser(value)):
        return f"{found[1]}{found[2]}={quoted_path(value)}"
    if value in LITERALS or value[:1] in "'\"" or REFERENCE in value:
        return argument
    if is_multirun:
        if SWEEP.fullmatch(value):
            return argument
        values = [_quoted(each) for each in value.split(",")]
        return f"{found[1]}{found[2]}={','.join(values)}"
    if value.startswith("[") and value.endswith("]"):
        if found[2] not in LIST_KEYS:
            raise UserError(
                f"{found[2]} is {value}, a list, but must be one path: set one, or quote a name "
                f"that has brackets, '{_quoted_twice(found)}'"
            )
        listed = [each.strip() for each in _split(value[1:-1])]
        quoted = [each if each[:1] in "'\"" else _quoted(each) for each in listed if each]
        return f"{found[1]}{found[2]}=[{','.join(quoted)}]"
    return f"{found[1]}{found[2]}={_quoted(value)}"


def _key_of_run(key: str) -> str:
    """Returns a key without the stage of a recipe whose value it is."""
    found = OF_STAGE.fullmatch(key)
    return found[3] if found else key


def _added(argument: str) -> str:
    """Lets Hydra add a value of one stage, whose configuration it does not know."""
    is_plain = argument.startswith("stages.") and OF_STAGE.fullmatch(argument) is not None
    return f"++{argument}" if is_plain else argument


def _split(values: str) -> list[str]:
    """Splits a list at its commas, but not within quotes or parentheses."""
    return re.findall(r"(?:'(?:\\.|[^'])*'|\"(?:\\.|[^\"])*\"|\([^)]*\)|[^,])+", values)


def quoted_path(path: str) -> str:
    """Returns the path of what exists as Hydra writes a text; nothing in it is interpolated."""
    return _quoted(path).replace(REFERENCE, ESCAPED_REFERENCE)


def _quoted(value: str) -> str:
    """Returns a value as Hydra writes a text: in quotes, with those inside escaped."""
    path = os.path.expanduser(value)
    text = re.sub(r"(\\*)('|$)", lambda at: at[1] * 2 + ("\\'" if at[2] else ""), path)
    return f"'{text}'"


def _require_option(given: str, argument: str) -> None:
    name = argument.partition("=")[0]
    known = [option for each in get_args_parser()._actions for option in each.option_strings]
    if name not in known and not re.fullmatch(r"-(cd|cn|cp|c|p|i|m|h).*", name):
        raise UserError(f"there is no option {name}.{nearest(name, [*OPTIONS_OF_USE])}")


def _require_readable(given: str, argument: str) -> None:
    try:
        OverridesParser.create().parse_overrides([argument])
        return
    except OverrideParseException:
        pass
    found = OVERRIDE.fullmatch(given)
    if found is None:
        raise UserError(f"{given!r} is not of the form key=value; --help lists the keys") from None
    raise UserError(
        f"{found[2]} is {found[3]!r}, which has characters with a meaning to Hydra: where it is a "
        f"text, quote it twice, '{_quoted_twice(found)}'"
    ) from None


def _quoted_twice(override: re.Match[str]) -> str:
    """Returns an override as Hydra reads a text, to be put in the quotes of a shell."""
    escaped = override[3].replace('"', '\\"')
    return f'{override[1]}{override[2]}="{escaped}"'
