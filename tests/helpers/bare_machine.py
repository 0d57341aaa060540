"""A machine with PyTorch and without the rest: imports that it lacks are refused.

`site_folder` makes a folder that, on PYTHONPATH, does so in every process of Python.
"""

from __future__ import annotations

from pathlib import Path

# Distributions that a machine for PyTorch has, and what they need in turn.
PRESENT = """
absl-py aiohappyeyeballs aiohttp aiosignal anyio attrs certifi charset-normalizer click cloudpickle
colorama contourpy coverage cycler einops execnet filelock fonttools frozenlist fsspec grpcio h11
hypothesis idna iniconfig jinja2 joblib kiwisolver lightning-utilities markdown markdown-it-py
markupsafe matplotlib mdurl mpmath multidict narwhals networkx numpy packaging pandas pillow pip
pluggy propcache protobuf psutil pygments pyparsing pytest pytest-timeout pytest-xdist
python-dateutil pytorch-lightning pyyaml regex requests rich scikit-learn scipy setuptools six
sortedcontainers sympy tensorboard tensorboard-data-server threadpoolctl torch torchaudio
torchmetrics tqdm triton typing-extensions typing-inspection urllib3 werkzeug wheel wrapt xxhash
yarl
"""
# What is to be carried there as wheels, in the versions of constraints.txt.
CARRIED = """
antlr4-python3-runtime cffi einx frozendict hydra-core loguru omegaconf pycparser soundfile
torch-einops-utils vector-quantize-pytorch
"""
OURS = "wavenet-ae"

SITE = '''
"""Refuses modules of distributions that are not on the list."""
import importlib.metadata, re, sys

ALLOWED = set({allowed!r})
OWNERS = importlib.metadata.packages_distributions()


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


class Refusal:
    def find_spec(self, name, path=None, target=None):
        owners = OWNERS.get(name.partition(".")[0], [])
        is_ours = name.partition(".")[0] in ("wavenet_ae", "hydra_plugins")
        if owners and not is_ours and not ALLOWED & set(map(normal, owners)):
            raise ModuleNotFoundError(f"{{name}} is not on a bare machine ({{owners[0]}})")
        return None


sys.meta_path.insert(0, Refusal())
'''


def site_folder(folder: Path) -> Path:
    """Write the refusal into `folder`, as what Python imports when it starts."""
    folder.mkdir(parents=True, exist_ok=True)
    allowed = sorted(" ".join([PRESENT, CARRIED, OURS]).split())
    (folder / "sitecustomize.py").write_text(SITE.format(allowed=allowed))
    return folder
