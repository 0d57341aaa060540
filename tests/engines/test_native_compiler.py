"""Libraries of the native engine: compiled once, cached, and errors that say what to install."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from filelock import FileLock

from wavenet_ae.engines.native import compiler
from wavenet_ae.engines.native.compiler import NotCompiled, compiled
from wavenet_ae.engines.native.library import paths_here
from wavenet_ae.errors import UserError

SUFFIXES = (".so", ".sha256", ".log", ".lock")
SOURCE = "cpu.cpp"  # compiles in a moment
DRIVER = Path(__file__).with_name("test_native_driver.cpp")

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, compiler.COMPILERS)), reason="there is no C++ compiler"
)


@pytest.fixture
def cache(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("WAVENET_AE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    return tmp_path / "cache" / "native"


def counting_compiler(folder: Path) -> Path:
    """A compiler that notes each of its calls, but for questions of its version, in `calls`."""
    real = next(path for name in compiler.COMPILERS if (path := shutil.which(name)))
    script = folder / "counting"
    note = f'[ "$1" = --version ] || echo call >> {folder}/calls'
    script.write_text(f'#!/bin/sh\n{note}\nexec {real} "$@"\n')
    script.chmod(0o755)
    return script


@needs_compiler
def test_processes_that_want_a_library_at_once_compile_it_once(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", str(counting_compiler(tmp_path)))
    with multiprocessing.get_context("fork").Pool(4) as pool:
        libraries = set(pool.map(compiled, [SOURCE] * 4))
    assert libraries == {compiled(SOURCE)}
    assert (tmp_path / "calls").read_text().split() == ["call"]
    assert not [each for each in cache.iterdir() if each.suffix not in SUFFIXES]


@needs_compiler
def test_another_compiler_flag_or_source_is_another_library(cache, monkeypatch, tmp_path):
    libraries = {compiled(SOURCE), compiled(SOURCE, ["-g"])}
    monkeypatch.setenv("CXX", str(counting_compiler(tmp_path)))
    libraries.add(compiled(SOURCE))
    sources = shutil.copytree(compiler.SOURCES, tmp_path / "cpp")
    monkeypatch.setattr(compiler, "SOURCES", sources)
    assert compiled(SOURCE) in libraries, "where the sources lie does not matter"
    with (sources / "threads.hpp").open("a") as file:
        file.write("// changed\n")
    libraries.add(compiled(SOURCE))
    assert len(libraries) == 4


def test_what_the_compiler_says_is_kept(cache, monkeypatch, tmp_path):
    script = tmp_path / "broken"
    script.write_text("#!/bin/sh\necho 'unknown option -std=c++20' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("CXX", f"{script} -v")
    with pytest.raises(NotCompiled, match="could not compile") as raised:
        compiled(SOURCE)
    (log,) = cache.glob("*.log")
    assert str(log) in str(raised.value)
    assert "unknown option -std=c++20" in log.read_text()
    assert not [*cache.glob("*.so")]


def test_a_wrong_cxx_is_named(cache, monkeypatch):
    monkeypatch.setenv("CXX", "g+++ -O3")
    with pytest.raises(UserError, match=r"CXX is 'g\+\+\+ -O3', which is not an executable"):
        compiled(SOURCE)


EVIL = """
#include <stdlib.h>
__attribute__((constructor)) static void run(void) { system("touch RAN"); }
int cpu_has(const char* path) { return 0; }
"""


def planted(folder: Path, library: Path) -> Path:
    """A library of someone else in the place of one that is compiled; the file that it leaves."""
    ran, source = folder / "ran", folder / "evil.c"
    source.write_text(EVIL.replace("RAN", str(ran)))
    compile_c = [shutil.which("cc") or "gcc", "-shared", "-fPIC", "-o", library, source]
    subprocess.run(compile_c, check=True)
    return ran


def name_of_library(monkeypatch, folder: Path) -> str:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("WAVENET_AE_CACHE", str(folder / "elsewhere"))
        return compiled(SOURCE).name


@needs_compiler
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
@pytest.mark.parametrize("what", ["folder", "library", "linked", "folder above"])
def test_a_library_that_another_user_could_have_planted_is_not_loaded(
    cache, monkeypatch, tmp_path, what
):
    name = name_of_library(monkeypatch, tmp_path)
    cache.mkdir(parents=True)
    cache.parent.chmod(0o1777)
    ran = planted(tmp_path, cache / name)
    theirs = {"folder": cache, "library": cache / name, "folder above": cache.parent}.get(what)
    if what == "linked":
        theirs = (cache / name).rename(tmp_path / "evil.so")
        (cache / name).symlink_to(theirs)
    os.chown(theirs, 1234, 1234)
    paths_here.cache_clear()
    with pytest.raises(
        NotCompiled, match=r"not loaded: .*(uid 1234|another user|is a link).*set W"
    ):
        paths_here()
    assert not ran.exists()


@needs_compiler
@pytest.mark.parametrize("mode", [0o777, 0o722, 0o1777, 0o770])
@pytest.mark.parametrize("what", ["folder", "library"])
def test_a_library_that_other_users_may_write_is_not_loaded(cache, what, mode):
    library = compiled(SOURCE)
    changed = library if what == "library" else library.parent
    changed.chmod(mode)
    expected = rf"{changed} can be written by other users \(mode {mode:o}\).*remove it, or set W"
    with pytest.raises(NotCompiled, match=expected):
        compiled(SOURCE)


@needs_compiler
def test_a_folder_that_anyone_may_rename_holds_no_cache(cache):
    compiled(SOURCE)
    cache.parent.chmod(0o777)
    with pytest.raises(NotCompiled, match=f"lies below {cache.parent}, where another user"):
        compiled(SOURCE)
    cache.parent.chmod(0o1777)
    assert compiled(SOURCE).is_file(), "a sticky folder, such as /tmp, lets nobody rename it"


@needs_compiler
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to any group")
def test_a_folder_that_a_group_may_rename_holds_no_cache_unless_the_group_is_ones_own(cache):
    compiled(SOURCE)
    cache.parent.chmod(0o770)
    assert compiled(SOURCE).is_file(), "root's group, as the private group of a user"
    os.chown(cache.parent, 0, 1234)
    with pytest.raises(NotCompiled, match=f"lies below {cache.parent}, where another user"):
        compiled(SOURCE)
    cache.parent.chmod(0o1770)
    assert compiled(SOURCE).is_file()


@needs_compiler
@pytest.mark.parametrize("change", ["changed", "cut short", "no hash"])
def test_a_library_that_is_not_as_it_was_written_is_compiled_again(cache, change):
    library = compiled(SOURCE)
    whole = library.read_bytes()
    if change == "no hash":
        library.with_suffix(".sha256").unlink()
    else:
        library.write_bytes(whole[:-1] + (b"x" if change == "changed" else b""))
    assert compiled(SOURCE).read_bytes() == whole
    assert library.with_suffix(".sha256").is_file()


@needs_compiler
def test_folders_and_libraries_are_made_for_their_owner_alone(cache):
    before = os.umask(0)
    try:
        library = compiled(SOURCE)
    finally:
        os.umask(before)
    modes = [each.stat().st_mode & 0o777 for each in (cache.parent, cache, library)]
    assert modes == [0o700] * 3


@needs_compiler
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_named(cache):
    cache.mkdir(parents=True)
    cache.chmod(0o500)
    with pytest.raises(UserError, match=r"cannot be written.*WAVENET_AE_CACHE"):
        compiled(SOURCE)


@needs_compiler
def test_a_cache_that_is_a_file_is_named(cache):
    cache.parent.parent.mkdir(parents=True, exist_ok=True)
    cache.parent.write_text("")
    with pytest.raises(UserError, match=f"{cache} cannot be written.*WAVENET_AE_CACHE"):
        compiled(SOURCE)


def test_a_compiler_without_space_names_the_disk_and_not_the_compiler(cache, monkeypatch, tmp_path):
    script = tmp_path / "full"
    error = "/tmp/ccXYZ.s: fatal error: error writing to -: No space left on device"
    script.write_text(f"#!/bin/sh\necho '{error}' >&2\nexit 1\n")
    script.chmod(0o700)
    monkeypatch.setenv("CXX", str(script))
    with pytest.raises(
        UserError, match=r"no space left in .* on the disk at /.*TMPDIR|_CACHE"
    ) as no:
        compiled(SOURCE)
    assert "CXX" not in str(no.value)


def test_a_cache_on_a_full_disk_names_the_disk(cache, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(compiler, "_compile", full)
    with pytest.raises(UserError, match=r"left on device on the disk at /.* free some space, or"):
        compiled(SOURCE)


def test_a_machine_without_home_names_what_to_set(monkeypatch):
    for name in ("HOME", "WAVENET_AE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(compiler.NotCompiled, match=r"set WAVENET_AE_CACHE \(or HOME\)"):
        compiled(SOURCE)


def unused_for(file: Path, days: float) -> Path:
    """The file, with an access time so long ago."""
    file.touch()
    then = time.time() - days * compiler.DAY
    os.utime(file, (then, then))
    return file


@needs_compiler
def test_compiling_removes_what_nobody_has_used_for_a_month(cache):
    cache.mkdir(parents=True)
    old = [unused_for(cache / name, 31) for name in ("old.so", "old.log", "killed.123")]
    kept = [unused_for(cache / name, 29) for name in ("new.so", "new.log")]
    waited_for = unused_for(cache / "waited_for.so", 31)
    with FileLock(waited_for.with_suffix(".lock")):
        library = compiled(SOURCE)
    assert not any(each.exists() for each in old)
    assert all(each.exists() for each in [*kept, waited_for, library])


@needs_compiler
def test_a_library_that_is_used_is_not_removed(cache):
    library = unused_for(compiled(SOURCE), 31)
    assert compiled(SOURCE) == library
    compiled(SOURCE, ["-g"])
    assert library.is_file()


@needs_compiler
def test_an_old_library_is_used_where_nothing_can_be_written(cache, monkeypatch):
    library = unused_for(compiled(SOURCE), 31)

    def refuse(file, seconds=-1):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(compiler, "_lock_of", refuse)
    assert compiled(SOURCE) == library


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "sanitizer"),
    [
        ("FLOAT32", "thread"),  # threads share their work alike in every precision: `long`
        pytest.param("BFLOAT16", "thread", marks=pytest.mark.long),
        pytest.param("INT8", "thread", marks=pytest.mark.long),
        ("FLOAT32", "address,undefined"),
        pytest.param("BFLOAT16", "address,undefined", marks=pytest.mark.long),  # two bytes a weight
        ("INT8", "address,undefined"),  # one
    ],
)
def test_sanitizers_have_nothing_to_report(tmp_path, precision, sanitizer):
    program = tmp_path / "driver"
    flags = ["-std=c++20", "-O1", "-g", "-pthread", "-march=native", "-Wno-psabi"]
    flags += [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", f"-DWAVENET_{precision}"]
    command = [*compiler.find_compiler(), *flags, f"-I{compiler.SOURCES}", str(DRIVER)]
    built = subprocess.run([*command, "-o", str(program)], capture_output=True, text=True)
    if "cannot find -l" in built.stderr:
        pytest.skip("the compiler comes without this sanitizer")
    assert built.returncode == 0, built.stderr
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
