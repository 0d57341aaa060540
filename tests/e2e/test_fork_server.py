"""A command in a fork is what it is in an interpreter of its own, and leaves nothing behind."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.commands import Command, environment, start

Start = Callable[..., Command]


@pytest.fixture
def given(tmp_path) -> Start:
    """A function from the text of a script to the command that runs it."""
    numbers = itertools.count()

    def call(text: str, *arguments: str, **options) -> Command:
        script = tmp_path / f"script{next(numbers)}.py"
        script.write_text(text)
        return start(script, *arguments, cache=tmp_path, **options)

    return call


def ended(command: Command) -> tuple[int, str]:
    output, _ = command.communicate(timeout=60)
    return command.wait(), output


def heed_ctrl_c() -> None:
    """What is started behind a shell's back ignores Ctrl-C, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


ENDS = {
    "": 0,
    "import sys; sys.exit(7)": 7,
    "import sys; sys.exit('the reason')": 1,
    "raise ValueError('the reason')": 1,
    "raise KeyboardInterrupt": -signal.SIGINT,
    "import os; os.kill(os.getpid(), 9)": -signal.SIGKILL,
    "import os, signal; os.kill(os.getpid(), signal.SIGTERM)": -signal.SIGTERM,
    "import atexit; atexit.register(print, 'at exit'); print('before')": 0,
    "import threading; threading.Timer(0.2, print, ['of a thread']).start()": 0,
    "import os; print('buffered', end=''); os._exit(3)": 3,
    "import sys; print(__name__, __file__, sys.argv, sys.path[0], __spec__)": 0,
    "import __main__; here = 1; print(__main__.here)": 0,
    "import sys; print(sys.stdin.read(), sys.stdout.isatty(), sys.stdout.encoding)": 0,
    "import signal; print(*map(signal.getsignal, (2, 15, signal.SIGCHLD, signal.SIGPIPE)))": 0,
    "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))": 0,
    "import torch; print(torch.get_num_threads())": 0,
    "import os; print(sorted(os.environ.items()))": 0,
    "import os; print(os.getcwd(), sorted(os.listdir('/dev/fd')))": 0,
}


@pytest.mark.parametrize("text", ENDS)
def test_a_fork_does_and_ends_as_an_interpreter(text, given, tmp_path):
    code, output = ended(given(text, "an argument", folder=tmp_path))
    alone = subprocess.run(
        [sys.executable, str(tmp_path / "script0.py"), "an argument"],
        env=environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    assert code == ENDS[text] == alone.returncode
    if "Traceback" in alone.stdout:  # the server's own line comes before the script's
        assert output.splitlines()[-3:] == alone.stdout.splitlines()[-3:]
    else:
        assert output == alone.stdout


def test_output_and_errors_are_one_text_or_two(given):
    text = "import sys; print('output', flush=True); print('errors', file=sys.stderr)"
    assert given(text).communicate(timeout=60) == ("output\nerrors\n", "")
    assert given(text, errors_apart=True).communicate(timeout=60) == ("output\n", "errors\n")


def test_a_text_that_fills_the_pipe_is_read_to_its_end(given):
    code, output = ended(given("print('x' * 1_000_000, end='')"))
    assert code == 0 and output == "x" * 1_000_000


def test_nothing_of_a_command_is_left_for_the_next(given, tmp_path):
    leave = (
        "import os, sys, numpy, random, torch\n"
        "os.environ['LEFT'] = sys.path[1] = 'here'; os.chdir('/'); numpy.left = 1\n"
        "[each.seed(1) for each in (random, numpy.random)]; torch.manual_seed(1)\n"
    )
    draw = (
        "import os, sys, numpy, random, torch\n"
        "print(os.environ.get('LEFT'), 'here' in sys.path, os.getcwd(), hasattr(numpy, 'left'))\n"
        "print(random.random(), numpy.random.rand(), torch.initial_seed(), sep='\\n')\n"
    )
    drawn = []
    for _ in range(2):
        assert ended(given(leave)) == (0, "")
        code, output = ended(given(draw, folder=tmp_path))
        assert code == 0 and output.startswith(f"None False {tmp_path} False\n"), output
        drawn += output.splitlines()[1:]
    assert len(set(drawn)) == 6, "no two draw the same"


def test_folders_go_with_the_command_that_made_them(given):
    text = (
        "import os, tempfile\n"
        "from wandb.sdk.data_types._private import MEDIA_TMP\n"
        "own = tempfile.TemporaryDirectory()\n"
        "print(*(each.name for each in (own, MEDIA_TMP) if os.path.isdir(each.name)), sep='\\n')"
    )
    folders = [folder for _ in range(2) for folder in ended(given(text))[1].splitlines()]
    assert len(set(folders)) == 4 and not any(Path(each).exists() for each in folders)


def test_variables_reach_the_command_they_are_given_to(given):
    text = "import os; print(os.environ.get('WANDB_MODE'), os.environ['OMP_NUM_THREADS'])"
    assert ended(given(text, WANDB_MODE="offline")) == (0, "offline 1\n")
    assert ended(given(text)) == (0, f"{os.environ.get('WANDB_MODE')} 1\n")


SLEEP = "import time; print('here', flush=True); time.sleep(600)"


def test_commands_run_side_by_side_and_are_waited_for_one_by_one(given):
    sleeping, quick = given(SLEEP), given("print('quick')")
    assert ended(quick) == (0, "quick\n")
    assert sleeping.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        sleeping.communicate(timeout=0.05)
    sleeping.send_signal(signal.SIGTERM)
    assert ended(sleeping) == (-signal.SIGTERM, "here\n")
    assert sleeping.poll() == -signal.SIGTERM
    sleeping.send_signal(signal.SIGKILL)  # no effect: another process may have its number


def test_ctrl_c_reaches_the_command_and_not_the_server(given):
    sleeping = given(SLEEP)
    os.read(sleeping.open[0].fileno(), 5)
    sleeping.send_signal(signal.SIGINT)
    code, output = ended(sleeping)
    assert code == -signal.SIGINT and output.endswith("KeyboardInterrupt\n")
    assert ended(given("print('the next')")) == (0, "the next\n")


def test_a_session_of_its_own_is_killed_as_one(given):
    text = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    sleeping = given(text, SLEEP, new_session=True)
    os.read(sleeping.open[0].fileno(), 5)
    assert os.getpgid(sleeping.pid) == os.getsid(sleeping.pid) == sleeping.pid != os.getsid(0)
    os.killpg(sleeping.pid, signal.SIGKILL)
    assert ended(sleeping) == (-signal.SIGKILL, ""), "its child has let go of the output, too"


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_what_commands_need_is_there_without_threads_or_a_device(given):
    text = (
        "import os, sys, torch\n"
        "print(len(os.listdir('/proc/self/task')), torch.cuda.is_initialized())\n"
        "print({'wavenet_ae.training.run', 'wavenet_ae.evaluation.evaluator',\n"
        "       'matplotlib.pyplot',\n"
        "       'wandb', 'optuna', 'sklearn'} <= set(sys.modules))"
    )
    assert ended(given(text)) == (0, "1 False\nTrue\n")
