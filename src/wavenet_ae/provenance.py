"""What made a result: the command, the code and the versions that ran it."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchaudio", "pytorch-lightning", "hydra-core", "numpy", "soundfile")


def this_command() -> dict[str, Any]:
    """Returns command, code and versions as plain values."""
    return {
        "command": command_line(),
        "git": git_state(),
        "python": platform.python_version(),
        "machine": platform.platform(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def command_line() -> str:
    """Returns the command of this process, as a user types it."""
    program = Path(sys.argv[0])
    name = ["wavenet-ae", program.stem] if program.parent.name == "cli" else [sys.argv[0]]
    return shlex.join([*name, *sys.argv[1:]])


def git_state() -> str:
    """Returns the commit, and whether files differ from it; empty outside a repository."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
