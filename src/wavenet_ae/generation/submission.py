"""Folders for ZeroSpeech's benchmark abxLS: a matrix of frames for each recording.

    FOLDER/params.yaml              how frames are spaced and compared
           dev-clean/NAME.npy       (N, D) float64, a frame for each code; likewise dev-other,
                                    test-clean and test-other, as in the benchmark's own data

What is missing is `meta.yaml`, which says who submits: `zrc submission:init abxLS` of the Python
package `zerospeech-benchmarks` writes a template of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor

from wavenet_ae.models import CodeModel
from wavenet_ae.storage import write_bytes

PARAMS = "params.yaml"


def write_params(folder: Path, model: CodeModel) -> None:
    """Writes `params.yaml`: seconds from one frame to the next, and a comparison by angle."""
    params = {
        "feature_size": float(model.hop / model.sample_rate),
        "distance_mode": "cosine",
        "score_file_type": ".npy",
    }
    write_bytes(folder / PARAMS, yaml.safe_dump(params).encode())


@torch.no_grad()
def frames_of(model: CodeModel, codes: Tensor) -> np.ndarray:
    """Returns the frames (N, D) float64 of an utterance: its vectors, or those of its codes.

    Args:
        model: Model that encoded it.
        codes: Codes (N,) or (H, N), or vectors (D, N).
    """
    vectors = codes if codes.is_floating_point() else model.bottleneck.decode(codes[None])[0]
    return vectors.t().double().cpu().numpy()
