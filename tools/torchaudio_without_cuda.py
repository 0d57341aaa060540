"""Let torchaudio load beside a CPU-only torch: take its CUDA-linked library out of this venv.

torchaudio's Linux wheel links its native library against CUDA.  Its transforms, all that this
project uses, are pure torch, and torchaudio runs without the library where the file is absent.
"""

import importlib.util
import sys
from pathlib import Path

import torch


def main() -> None:
    if torch.version.cuda is not None:
        return
    if sys.prefix == sys.base_prefix:
        sys.exit(
            "not in a virtual environment: torchaudio is left as it is (see docs/guide/index.md)"
        )
    spec = importlib.util.find_spec("torchaudio")
    if spec is None or spec.origin is None:
        sys.exit("torchaudio is not installed")
    package = Path(spec.origin).parent
    if not package.is_relative_to(sys.prefix):
        sys.exit(f"torchaudio at {package} is outside this virtual environment: left as it is")
    for library in package.glob("lib/*torchaudio*.so"):
        library.unlink()


if __name__ == "__main__":
    main()
