"""Two processes on a global batch reach the same codebook as a single one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from helpers.quantizing import step

from wavenet_ae.bottlenecks import LFQ, RVQ, VQVAE, VQVAEEMA, SimVQ
from wavenet_ae.bottlenecks.quantizer import Quantizer

NUM_PROCESSES = 2
NUM_STEPS = 8
WITH_CODEBOOK = {"dim": 4, "codebook_size": 16, "init": "kmeans", "revive_after": 2}
MEMBERS: dict[str, tuple[type[Quantizer], dict]] = {
    "vqvae": (VQVAE, WITH_CODEBOOK),
    "vqvae_ema": (VQVAEEMA, WITH_CODEBOOK),
    "rvq": (RVQ, {**WITH_CODEBOOK, "num_codebooks": 2}),
    "simvq": (SimVQ, {"dim": 4, "codebook_size": 16, "init": "kmeans"}),
    "lfq": (LFQ, {"num_bits": 3}),
    "vqvae-rotation": (VQVAE, {**WITH_CODEBOOK, "gradient": "rotation"}),
    "vqvae-diveq": (VQVAE, {**WITH_CODEBOOK, "gradient": "diveq"}),
    "vqvae_ema-cosine": (VQVAEEMA, {**WITH_CODEBOOK, "distance": "cosine"}),
}
WEIGHTS = {"commitment": 0.25, "codebook": 1.0, "entropy": 0.5}


def latents(seed: int) -> torch.Tensor:
    """A global batch (B, C, N) that leaves codes unused."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(4, 5, 3, dtype=torch.float64, generator=generator)


def trained(kind: type[Quantizer], settings: dict, rank: int, num_processes: int) -> dict:
    """State and logged figures after some steps on rows rank::num_processes of each batch.

    Gradients are averaged, as data-parallel training does.
    """
    torch.manual_seed(0)
    bottleneck = kind(input_dim=5, start_after=1, normalize=True, **settings).double().train()
    optimizer = torch.optim.SGD(bottleneck.parameters(), lr=0.1)
    # each process has drawn windows of its own: those of the first count
    many = torch.cat([latents(1000 * rank + seed) for seed in range(20)])
    bottleneck.begin_quantizing(many, seed=0)
    figures = []
    for index in range(NUM_STEPS):
        noise = torch.randn(4, 4, 3, generator=torch.Generator().manual_seed(index))
        keyed = replace(step(index), latent=noise[rank::num_processes])
        output = bottleneck(latents(index)[rank::num_processes], keyed)
        terms = [WEIGHTS[name] * loss.mean() for name, loss in output.losses.items()]
        optimizer.zero_grad()
        torch.stack([output.vectors.square().mean(), *terms]).sum().backward()
        for parameter in bottleneck.parameters():
            if num_processes > 1:
                dist.all_reduce(parameter.grad)
                parameter.grad /= num_processes
        optimizer.step()
        scalars = {name: loss.detach() for name, loss in output.losses.items() if not loss.ndim}
        figures.append({"num_revived": torch.tensor(output.num_revived), **scalars})
    return {"state": bottleneck.state_dict(), "figures": figures}


def run_process(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    meeting = f"file://{folder}/meeting"
    dist.init_process_group(
        "gloo",
        init_method=meeting,
        rank=rank,
        world_size=NUM_PROCESSES,
        timeout=timedelta(seconds=60),  # processes that disagree may wait for each other
    )
    found = {
        name: trained(kind, settings, rank, NUM_PROCESSES)
        for name, (kind, settings) in MEMBERS.items()
    }
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def processes(tmp_path_factory) -> list[dict]:
    folder = tmp_path_factory.mktemp("processes")
    torch.multiprocessing.set_forkserver_preload(["quantizing"])  # torch is imported once
    torch.multiprocessing.start_processes(
        run_process, (str(folder),), NUM_PROCESSES, start_method="forkserver"
    )
    return [torch.load(Path(folder) / f"{rank}.pt") for rank in range(NUM_PROCESSES)]


@pytest.mark.parametrize("name", MEMBERS)
def test_processes_end_where_one_does(name, processes):
    alone = trained(*MEMBERS[name], rank=0, num_processes=1)
    for found in processes:
        for key, value in alone["state"].items():
            # the library computes in single precision
            torch.testing.assert_close(
                found[name]["state"][key], value, msg=f"{name}: {key}", rtol=1e-5, atol=1e-6
            )
        for mine, theirs in zip(alone["figures"], found[name]["figures"], strict=True):
            torch.testing.assert_close(theirs, mine, rtol=1e-5, atol=1e-6)
    if "revive_after" in MEMBERS[name][1]:
        assert sum(figure["num_revived"] for figure in alone["figures"]) > 3
