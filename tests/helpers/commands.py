"""Running the root scripts as a user does, on a corpus of half a minute.

`start` and `run` fork a Python that has imported everything (`fork_server.py`), which saves seconds
a command.  `start_interpreter` and `run_interpreter` start a fresh one, where its start is part of
what is shown.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import select
import socket
import subprocess
import sys
import time
from functools import cache as once
from pathlib import Path

from helpers.fork_server import NUMBER

ROOT = Path(__file__).parents[2]
SERVER = Path(__file__).with_name("fork_server.py")


def environment(cache: Path) -> dict[str, str]:
    return {
        **os.environ,
        "WAVENET_AE_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
        "WANDB_SILENT": "true",
        "COLUMNS": "200",
    }


class Command:
    """A script that runs in a fork: what tests use of `subprocess.Popen`."""

    def __init__(self, result: socket.socket, outputs: list[io.FileIO]) -> None:
        self.result = result
        self.open, self.texts = list(outputs), dict.fromkeys(outputs, b"")
        self.returncode: int | None = None
        self.pid = self._number()

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self.result], [], [], 0)[0]:
            self.returncode = self._number()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._await([self.result], timeout)
            self.returncode = self._number()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it prints until it ends; errors too, where they are apart from it."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.open:
            for each in self._await(self.open, end and end - time.monotonic()):
                text = each.read(1 << 16)
                self.texts[each] += text
                if not text:
                    self.open.remove(each)
                    each.close()
        self.wait(end and end - time.monotonic())
        output, *errors = (text.decode() for text in self.texts.values())
        return output, "".join(errors)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _number(self) -> int:
        received = self.result.recv(NUMBER.size)
        if not received:
            raise ChildProcessError("the fork server has ended")
        return NUMBER.unpack(received)[0]

    def _await(self, sources: list, timeout: float | None) -> list:
        ready, _, _ = select.select(sources, [], [], timeout and max(0.0, timeout))
        if not ready:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return ready


@once
def fork_server() -> socket.socket:
    """The one of these tests, as the socket that takes requests."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, str(SERVER), str(theirs.fileno())]
    with theirs:
        server = subprocess.Popen(
            command,
            env=environment(Path("unused")),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    atexit.register(server.wait)
    atexit.register(ours.close)  # which ends it, and comes first
    return ours


def script_of(name: str | Path) -> Path:
    """A script at the root, or the module of a command that has none there."""
    script = ROOT / name
    return script if script.is_file() else ROOT / "src" / "wavenet_ae" / "cli" / name


def start(
    script: str | Path,
    *arguments: str,
    cache: Path,
    folder: Path = ROOT,
    errors_apart: bool = False,
    new_session: bool = False,
    **variables: str,
) -> Command:
    """A command in a fork, in a folder and with variables of the environment."""
    request = {
        "script": str(script_of(script)),
        "arguments": arguments,
        "environment": environment(cache) | variables,
        "folder": str(folder),
        "new_session": new_session,
    }
    ours, theirs = socket.socketpair()
    pipes = [os.pipe() for _ in range(1 + errors_apart)]
    with theirs:
        written = [pipe[1] for pipe in pipes]
        socket.send_fds(fork_server(), [b"."], [written[0], written[-1], theirs.fileno()])
        for each in written:
            os.close(each)
    ours.sendall(json.dumps(request).encode() + b"\n")
    return Command(ours, [io.FileIO(pipe[0]) for pipe in pipes])


def run(script: str | Path, *arguments: str, cache: Path) -> tuple[int, str]:
    """Exit code and all that was printed."""
    command = start(script, *arguments, cache=cache)
    output, _ = command.communicate(timeout=300)
    return command.wait(), output


def run_apart(
    script: str, *arguments: str, cache: Path, folder: Path, **variables: str
) -> tuple[int, str, str]:
    """Exit code, output and errors of a command in a folder."""
    command = start(script, *arguments, cache=cache, folder=folder, errors_apart=True, **variables)
    output, errors = command.communicate(timeout=300)
    return command.wait(), output, errors


def start_interpreter(
    script: str | Path, *arguments: str, cache: Path, **options: bool
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(script_of(script)), *arguments],
        env=environment(cache),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def run_interpreter(script: str | Path, *arguments: str, cache: Path) -> tuple[int, str]:
    process = start_interpreter(script, *arguments, cache=cache)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output
