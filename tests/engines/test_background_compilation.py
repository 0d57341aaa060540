"""The native engine is compiled beside the training that needs it at its first audio samples."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.native_decoders import decoder

from wavenet_ae.engines import NATIVE_ENGINES, make_engine, prepare_engine
from wavenet_ae.engines.native import BackgroundCompilation, NotCompiled, compiler
from wavenet_ae.engines.native.library import library, paths_here
from wavenet_ae.errors import UserError

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, compiler.COMPILERS)), reason="there is no C++ compiler"
)


@pytest.fixture
def empty_cache(monkeypatch, tmp_path) -> Path:
    """A cache without libraries, as on a new machine."""
    monkeypatch.setenv("WAVENET_AE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    forget()
    yield tmp_path / "cache" / "native"
    forget()


def forget() -> None:
    """Forgets what this process has loaded."""
    paths_here.cache_clear()
    library.cache_clear()


def compiler_that(folder: Path, does: str, monkeypatch) -> None:
    """Makes $CXX a compiler that notes the niceness of each of its calls, then does something."""
    script = folder / "compiler"
    real = next(path for name in compiler.COMPILERS if (path := shutil.which(name)))
    version = f'[ "$1" = --version ] && exec {real} --version'
    script.write_text(f"#!/bin/sh\n{version}\nnice >> {folder}/niceness\n{does.format(real=real)}")
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))


def wait_for(file: Path) -> None:
    end = time.monotonic() + 60
    while not is_written(file) and time.monotonic() < end:
        time.sleep(0.02)
    assert is_written(file)


def is_written(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


@pytest.mark.slow
def test_the_engine_is_compiled_quietly_and_with_the_lowest_priority(
    empty_cache, monkeypatch, tmp_path, caplog
):
    compiler_that(tmp_path, 'exec {real} "$@"', monkeypatch)
    with caplog.at_level(logging.INFO):
        compilation = prepare_engine("auto", decoder("two taps"))
        assert isinstance(compilation, BackgroundCompilation)
        compilation.wait()
        assert not caplog.messages
        engine = make_engine("auto", decoder("two taps"))
    assert type(engine) is NATIVE_ENGINES["native"]
    assert not [each for each in caplog.messages if "compil" in each]
    assert set((tmp_path / "niceness").read_text().split()) == {"19"}
    assert len(list(empty_cache.glob("*.so"))) == 2


def test_a_compiler_at_work_is_ended_and_leaves_nothing(empty_cache, monkeypatch, tmp_path):
    compiler_that(tmp_path, f"echo $$ > {tmp_path}/pid; sleep 600", monkeypatch)
    compilation = BackgroundCompilation()
    wait_for(tmp_path / "pid")
    compilation.stop()
    end = time.monotonic() + 10
    process = int((tmp_path / "pid").read_text())
    while Path(f"/proc/{process}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(f"/proc/{process}").exists()
    assert not [each for each in empty_cache.iterdir() if each.suffix != ".lock"]


def test_a_process_that_ends_does_not_wait_for_the_compiler(empty_cache, monkeypatch, tmp_path):
    compiler_that(tmp_path, f"touch {tmp_path}/begun; sleep 600", monkeypatch)
    code = (
        "import time; from pathlib import Path\n"
        "from wavenet_ae.engines.native import BackgroundCompilation\n"
        "compilation = BackgroundCompilation()\n"
        f"while not Path('{tmp_path}/begun').exists(): time.sleep(0.02)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=dict(os.environ), timeout=120)
    assert done.returncode == 0
    assert not [each for each in empty_cache.iterdir() if each.suffix != ".lock"]


def test_what_cannot_be_compiled_is_known_when_the_engine_is_made(
    empty_cache, monkeypatch, tmp_path, caplog
):
    compiler_that(tmp_path, "exit 1", monkeypatch)
    compilation = prepare_engine("auto", decoder("two taps"))
    compilation.wait()
    assert not caplog.messages
    assert make_engine("auto", decoder("two taps")).name == "reference"
    assert "could not compile" in caplog.text


def test_a_named_engine_is_refused_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "no_such_compiler")
    monkeypatch.setenv("WAVENET_AE_CACHE", str(tmp_path))
    forget()
    with pytest.raises(NotCompiled, match="CXX is 'no_such_compiler'"):
        prepare_engine("native", decoder("two taps"))
    with pytest.raises(UserError, match="there are auto"):
        prepare_engine("nativ", decoder("two taps"))
    forget()
