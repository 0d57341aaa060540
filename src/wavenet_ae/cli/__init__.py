"""The commands: `wavenet-ae COMMAND`, or `python -m wavenet_ae COMMAND`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from wavenet_ae.errors import nearest

# Each is a module of this folder, with a function `main`; a hyphen is an underscore there.
COMMANDS = {
    "train": "train a model, a sweep or a search; resume a run",
    "evaluate": "measure a trained model: tables, sounds and a report",
    "encode": "codes of recordings, from a model that comes with the package",
    "generate": "reconstruct, convert, sample, encode or decode speech",
    "info": "layers, receptive fields and parameters of a model",
    "prepare": "pack recordings ahead of time",
    "receptive-field": "what an output reads: the exact set of frames, and a plot",
    "cluster": "cluster a corpus for masked prediction",
    "compare": "runs in one table and one plot",
    "dashboard": "plots of what runs have logged, or a W&B workspace",
    "demo": "train on synthetic speech for minutes and evaluate the codes",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command that `arguments` begin with; by default, those of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name, rest = (given[0], given[1:]) if given else ("--help", [])
    if name in ("-h", "--help", "help"):
        print(usage())
        return
    if name not in COMMANDS:
        sys.exit(f"error: there is no command {name!r}.{nearest(name, COMMANDS)}\n\n{usage()}")
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    # What Hydra reads, and by what Lightning starts the processes of further devices: the command
    # as a script, however this process was started.
    sys.argv[:] = [str(module.__file__), *rest]
    sys.modules["__main__"].__spec__ = None
    module.main()


def usage() -> str:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:{width}} {does}" for name, does in COMMANDS.items())
    return f"wavenet-ae COMMAND [KEY=VALUE ...]\n\n{rows}\n\nwavenet-ae COMMAND --help: its options"
