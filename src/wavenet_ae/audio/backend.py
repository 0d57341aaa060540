"""Import of torchaudio, or an error that says what to install if it does not load."""

from __future__ import annotations

import torch

from wavenet_ae.errors import UserError

try:
    import torchaudio
except (ImportError, OSError) as error:
    reason = str(error).splitlines()[0]
    raise UserError(
        f"torchaudio does not load beside torch {torch.__version__} ({reason}).  Install the two "
        "from the same build, at the versions of constraints.txt; beside a torch without CUDA, run "
        "python tools/torchaudio_without_cuda.py in the virtual environment"
    ) from error

__all__ = ["torchaudio"]
