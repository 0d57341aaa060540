"""What keeps a run healthy, shown by taking it away, and what must not make it sick."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.configs import NO_REMEDY, TINY, TINY_CODES, UNWATCHED
from helpers.runs import trained

from wavenet_ae.dashboards.history import read_metrics
from wavenet_ae.runs import RunFolder

STEPS = [
    *("trainer.max_steps=300", "validate_every_n_steps=300", "bottleneck.codebook_size=32"),
    "callbacks.checkpoints.every_n_steps=300",
]


def last(folder: Path, key: str) -> float:
    return read_metrics(RunFolder(folder).metrics)[key][1][-1]


@pytest.mark.slow
def test_vqvae_collapses_without_its_remedies_and_not_with_them(tmp_path, cache):
    settings = [*TINY, *STEPS, *UNWATCHED, "bottleneck=vqvae"]
    bare = trained(tmp_path / "bare", cache, *settings, *NO_REMEDY)
    remedied = trained(tmp_path / "remedied", cache, *settings, "bottleneck.start_after=100")
    assert last(bare, "validation/perplexity") < 2
    assert last(remedied, "validation/perplexity") > 16
    assert abs(last(bare, "validation/nll_increase_shuffled_codes")) < 0.01
    assert last(remedied, "validation/nll_increase_shuffled_codes") > 0.05


@pytest.mark.long
def test_bfloat16_is_stable_over_2000_steps(tmp_path, cache):
    """The loss goes down as that of float32 does, and the codes stay in use."""
    settings = [*TINY, *TINY_CODES, "trainer.max_steps=2000", "validate_every_n_steps=500"]
    settings += [*UNWATCHED, "callbacks.checkpoints.every_n_steps=500"]
    exact = trained(tmp_path / "float32", cache, *settings)
    mixed = trained(tmp_path / "bfloat16", cache, *settings, "trainer.precision=bf16-mixed")
    nlls = read_metrics(RunFolder(mixed).metrics)["validation/nll"][1]
    assert nlls[-1] < nlls[0] - 0.05
    assert nlls[-1] < last(exact, "validation/nll") + 0.15
    assert last(mixed, "validation/perplexity") > 0.8 * last(exact, "validation/perplexity")
