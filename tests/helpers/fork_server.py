"""A Python that has imported everything once, and forks for each command that it is asked to run.

A fork is what a fresh interpreter is after its imports: it gets an environment, a folder and
arguments, runs a script as `__main__`, and ends as an interpreter ends, with an exit code or by a
signal and with all that was to be done at exit.  `commands.py` is its client.

A request is a byte with three descriptors: for output, for errors, and a socket on which the
request itself is read, and the number and later the exit code of the process are written.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import struct
import sys
from pathlib import Path
from types import ModuleType

NUMBER = struct.Struct("i")

# Imported by wavenet_ae in functions, where they are needed.
LATE = (
    *("matplotlib.pyplot", "matplotlib.backends.backend_agg", "optuna", "rich.console", "sqlite3"),
    *("sklearn.cluster", "sklearn.linear_model", "torch.utils.tensorboard", "wandb"),
)


def import_everything() -> None:
    """What any command imports.  No thread may be started here: a fork would not have it."""
    import wavenet_ae

    names = [each.name for each in pkgutil.walk_packages(wavenet_ae.__path__, "wavenet_ae.")]
    for name in (*names, *LATE):
        importlib.import_module(name)
    from hydra.core.plugins import Plugins

    Plugins.instance()  # looks for plugins when it is first asked
    gc.freeze()  # what is there stays shared with the forks


def serve(control: socket.socket) -> list[int]:
    """Fork for each request: returns in the forks alone, with the descriptors of the request."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests and the commands
    waiting: dict[int, socket.socket] = {}

    def tell_exit_codes(number: int, frame: object) -> None:
        while waiting:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with waiting.pop(pid) as result:
                result.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))

    signal.signal(signal.SIGCHLD, tell_exit_codes)
    while descriptors := socket.recv_fds(control, 1, 3)[1]:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # until it is waited for
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            for each in (control, *waiting.values()):
                each.close()
            return descriptors
        *outputs, result = descriptors
        for each in outputs:
            os.close(each)
        waiting[pid] = socket.socket(fileno=result)
        waiting[pid].sendall(NUMBER.pack(pid))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    sys.exit()


def prepare(output: int, errors: int, result: int) -> str:
    """Make this process that of the request, and return the script that it is to run."""
    with socket.socket(fileno=result) as connection, connection.makefile() as lines:
        request = json.loads(lines.readline())
    for descriptor, standard in ((output, 1), (errors, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    if request["new_session"]:
        os.setsid()
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv[:] = [request["script"], *request["arguments"]]
    sys.path[0] = str(Path(request["script"]).parent)
    make_own_folder()
    seed_anew()
    return request["script"]


def make_own_folder() -> None:
    """W&B, when imported, makes a folder for its process, which goes with the process."""
    from wandb.sdk.data_types._private import MEDIA_TMP

    MEDIA_TMP._finalizer.detach()  # that folder is the server's
    MEDIA_TMP.__init__("wandb-media")


def seed_anew() -> None:
    """Else all forks would draw the same where nothing else seeds them, as interpreters do not."""
    import numpy
    import torch

    numpy.random.seed()
    torch.default_generator.seed()


def main_module(script: str) -> ModuleType:
    """The module that the script is to fill, as an interpreter makes it."""
    module = ModuleType("__main__")
    module.__file__ = script
    sys.modules["__main__"] = module
    return module


if __name__ == "__main__":
    import_everything()
    script = prepare(*serve(socket.socket(fileno=int(sys.argv[1]))))
    exec(compile(Path(script).read_bytes(), script, "exec"), main_module(script).__dict__)
