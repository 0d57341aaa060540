"""Puts conf/ of a checkout into the wheel; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfiguration(build_py):
    """Builds the package, and beside its modules the folder of YAML files."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # a checkout's own folder is read
            conf = Path(self.build_lib, "wavenet_ae", "conf")
            shutil.copytree(Path(__file__).with_name("conf"), conf, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithConfiguration})
