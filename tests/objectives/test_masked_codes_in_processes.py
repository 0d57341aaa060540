"""Two processes whose windows have different numbers of masked codes learn what one would."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist

from wavenet_ae.alignment import encoder_window
from wavenet_ae.geometry import Chain, Down
from wavenet_ae.objectives import ClusterTargets, MaskedPrediction
from wavenet_ae.types import Batch, ModelOutput

NUM_PROCESSES, NUM_CODES, NUM_CLUSTERS, DIM = 2, 6, 5, 4
KEYS = ["one", "two"]
# Codes (B, N) of the global batch whose input is masked, by case; of the last, none.
MASKED = {
    "different": [[1, 1, 1, 0, 0, 1], [0, 0, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]],
    "one": [[0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]],
    "none": [[0] * NUM_CODES] * 4,
}


def save_targets(path: Path) -> None:
    codes = np.random.default_rng(0).integers(NUM_CLUSTERS, size=100)
    centers = np.zeros((NUM_CLUSTERS, 1), np.float32)
    of_corpus = ("corpus", 8000, 4, 1.5, "test", KEYS)
    ClusterTargets(*of_corpus, np.array([50, 50]), codes, centers).save(path)


def learned(path: Path, case: str, rank: int, num_processes: int) -> dict[str, torch.Tensor]:
    """Loss and gradient of the head for rows rank::num_processes of the global batch, averaged as
    data-parallel training does."""
    torch.manual_seed(0)
    known = {"first_code": 1.5, "code_hop": 4.0, "utterances": KEYS, "fingerprint": "corpus"}
    term = MaskedPrediction(str(path), DIM, **known, positions="masked").double()
    plan = encoder_window(Chain((Down(4, 4),)), NUM_CODES)
    rows = torch.arange(4)
    waveform = torch.zeros(4, plan.slice_length, dtype=torch.int16)
    latents = torch.randn(4, DIM, NUM_CODES, dtype=torch.float64)
    own = slice(rank, None, num_processes)
    batch = Batch(waveform[own], rows[own] % 2, rows[own] % 2, 4 * rows[own])
    masked = torch.tensor(MASKED[case], dtype=torch.bool)
    output = ModelOutput(latents=latents[own], masked=masked[own])
    loss = term(output, batch, plan, 0).losses["masked_prediction"]
    loss.backward()
    assert term.head.weight.grad is not None
    found = {"loss": loss.detach(), "gradient": term.head.weight.grad}
    for value in found.values():
        if num_processes > 1:
            dist.all_reduce(value)
            value /= num_processes
    return found


def run_process(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meeting",
        rank=rank,
        world_size=NUM_PROCESSES,
        timeout=timedelta(seconds=60),
    )
    path = Path(folder) / "targets.npz"
    torch.save(
        {case: learned(path, case, rank, NUM_PROCESSES) for case in MASKED}, f"{folder}/{rank}.pt"
    )
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    save_targets(folder / "targets.npz")
    torch.multiprocessing.start_processes(
        run_process, (str(folder),), NUM_PROCESSES, start_method="forkserver"
    )
    return folder


@pytest.mark.parametrize("case", MASKED)
def test_each_masked_code_counts_as_much_as_any_other(case, folder):
    alone = learned(folder / "targets.npz", case, rank=0, num_processes=1)
    for rank in range(NUM_PROCESSES):
        found = torch.load(folder / f"{rank}.pt")[case]
        torch.testing.assert_close(found, alone, rtol=1e-5, atol=1e-7)  # the loss is in float32
