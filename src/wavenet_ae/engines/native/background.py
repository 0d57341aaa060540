"""Compiling the native engine beside other work, with the lowest priority.

Training needs the engine at its first audio samples only, minutes after its start.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress

from wavenet_ae.engines.native.compiler import NotCompiled, compiled, environment, find_compiler
from wavenet_ae.engines.native.library import Precision, flags_of, paths_here

logger = logging.getLogger(__name__)

NICE = ("nice", "-n", "19")
SECONDS_TO_STOP = 5.0


class BackgroundCompilation:
    """Compiles what an engine needs in a thread; whoever needs it earlier waits for it.

    The compiler ends with this process, at the latest. What keeps it from compiling is left to
    whoever needs the engine, which then tries by itself.

    Args:
        precision: Precision of the engine.

    Raises:
        NotCompiled: If there is no compiler.
    """

    def __init__(self, precision: Precision = "float32") -> None:
        find_compiler()
        self.precision = precision
        self._process: subprocess.Popen[str] | None = None
        self._is_stopped = False
        self._lock = threading.Lock()  # no compiler starts once it is stopped
        # A daemon, since Python waits for other threads before it calls what `atexit` has.
        self._thread = threading.Thread(target=self._work, name="compilation", daemon=True)
        atexit.register(self.stop)
        self._thread.start()

    def wait(self) -> None:
        """Waits until all is compiled, or cannot be."""
        self._thread.join()

    def stop(self) -> None:
        """Ends a compiler that is still at work; its unfinished file is removed."""
        atexit.unregister(self.stop)
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
        self._thread.join(SECONDS_TO_STOP)

    def _work(self) -> None:
        try:
            compiled("cpu.cpp", run=self._run)
            compiled("engine.cpp", flags_of(paths_here()[0], self.precision), self._run)
        except NotCompiled as error:
            logger.debug("not compiled in the background: %s", error)

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        prefix = NICE if shutil.which(NICE[0]) else ()
        with self._lock:
            if self._is_stopped:
                raise NotCompiled("stopped")
            self._process = subprocess.Popen(
                [*prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="backslashreplace",
                env=environment(),
                start_new_session=True,  # a compiler starts others, which end with it
            )
        output, errors = self._process.communicate()
        with self._lock:
            code = self._process.returncode
            self._process = None
        if self._is_stopped:
            raise NotCompiled("stopped")
        return subprocess.CompletedProcess(list(command), code, output, errors)
