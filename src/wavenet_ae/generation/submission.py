"""Folders for ZeroSpeech's benchmark abxLS: a matrix of frames for each recording.

    FOLDER/params.yaml              how frames are spaced and compared
           dev-clean/NAME.npy       (N, D) float64, a frame for each code; likewise dev-other,
                                    test-clean and test-other, as in the benchmark's own data

Of a model with several streams of codes, each has a folder of its own in FOLDER that is such a one.

What is missing is `meta.yaml`, which says who submits: `zrc submission:init abxLS` of the Python
package `zerospeech-benchmarks` writes a template of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor

from wavenet_ae.models import CodeModel, CodeStream
from wavenet_ae.storage import write_bytes

PARAMS = "params.yaml"


def write_params(folder: Path, model: CodeModel, stream: CodeStream) -> None:
    """Writes `params.yaml`: seconds from one frame to the next, and a comparison by angle."""
    params = {
        "feature_size": float(stream.hop / model.sample_rate),
        "distance_mode": "cosine",
        "score_file_type": ".npy",
    }
    write_bytes(folder / PARAMS, yaml.safe_dump(params).encode())


@torch.no_grad()
def frames_of(stream: CodeStream, codes: Tensor) -> np.ndarray:
    """Returns the frames (N, D) float64 of an utterance: its vectors, or those of its codes.

    Args:
        stream: Stream of the codes.
        codes: Codes (N,) or (H, N), or vectors (D, N).
    """
    vectors = codes if codes.is_floating_point() else stream.bottleneck.decode(codes[None])[0]
    return vectors.t().double().cpu().numpy()
