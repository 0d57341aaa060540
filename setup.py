"""Packages and their data: conf/, which lies at the root of a checkout, goes into the wheel."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages("src"), "wavenet_ae.conf"],
    package_dir={"": "src", "wavenet_ae.conf": "conf"},
    package_data={
        "wavenet_ae": ["py.typed"],
        "wavenet_ae.conf": ["*.yaml", "**/*.yaml"],
        "wavenet_ae.labels": ["tables/*.yaml"],
        "wavenet_ae.engines.native": ["cpp/*"],
        "wavenet_ae.evaluation.report": ["assets/*"],
    },
)
