"""All monitors in whole runs: what is logged does not depend on how the steps are computed."""

from __future__ import annotations

from math import log
from pathlib import Path

import hydra
import pytest
from helpers.configs import TINY, TINY_QUANTIZERS
from hydra.core.global_hydra import GlobalHydra

from wavenet_ae.config import check, plain
from wavenet_ae.dashboards.history import RunHistory, read_run
from wavenet_ae.training.preflight import check_sizes
from wavenet_ae.training.run import train

CONF = Path(__file__).parents[3] / "conf"
NUM_STEPS = 12  # validated after 6 and after 12


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A function from a bottleneck and overrides to what such a run logs; each runs once."""
    cache, known = tmp_path_factory.mktemp("cache"), {}

    def trained(*overrides: str) -> RunHistory:
        if overrides not in known:
            folder = tmp_path_factory.mktemp("run")
            GlobalHydra.instance().clear()
            place = ["name=test", f"run_folder={folder}", f"data.cache_dir={cache}"]
            steps = f"trainer.max_steps={NUM_STEPS}"
            with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
                config = plain(hydra.compose("config", [*place, *TINY, steps, *overrides]))
            check(config)
            check_sizes(config)
            train(config)
            known[overrides] = read_run(folder, "")
        return known[overrides]

    return trained


def of(bottleneck: str) -> list[str]:
    return [f"bottleneck={bottleneck}", *TINY_QUANTIZERS.get(bottleneck, [])]


ALWAYS = {
    *("decoder/true_level_probability", "decoder/absolute_level_error"),
    *("input/clipped_fraction", "input/level_entropy"),
    *(f"updates/{part}" for part in ("encoder", "bottleneck", "upsampling", "decoder")),
    *("learning_rate/encoder", "learning_rate/decoder"),
    "encoder/gradient_norm_at_bottleneck",
    *(f"encoder/dead_units/layer_{layer}" for layer in range(1, 8)),
}
USAGE = (
    *("distinct_per_window", "batch_perplexity", "recent_perplexity", "used_fraction"),
    *("dead_codes", "mean_age", "max_age", "revived_codes"),
)
SCALES = ("norm", "min", "max")
CODES = {
    *(f"codebook/{name}" for name in (*USAGE, "norm_ratio")),
    *(f"codebook/{whose}_{name}" for whose in ("latent", "code") for name in SCALES),
}
OF_EACH = {
    f"codebook/{name}_perplexity/codebook_{book}" for name in ("batch", "recent") for book in (1, 2)
}
KEYS = {
    "ae": ALWAYS,
    "vae": ALWAYS | {"vae/active_units", "vae/kl_per_code"},
    "vqvae": ALWAYS | CODES | {"learning_rate/codebook"},
    "rvq": ALWAYS | CODES | OF_EACH,
}
BOOKS = {"codebook/usage", "codebook/age"}
HISTOGRAMS = {
    "ae": set(),
    "vae": {"vae/kl_per_dimension"},
    "vqvae": BOOKS,
    "rvq": {f"{name}/codebook_{book}" for name in BOOKS for book in (1, 2)},
}
SECTIONS = ("decoder/", "input/", "updates/", "learning_rate/", "encoder/", "vae/", "codebook/")


@pytest.mark.parametrize("bottleneck", KEYS)
def test_what_is_logged_and_when(bottleneck, run):
    found = run(*of(bottleneck))
    watched = {name for name in found.scalars if name.startswith(SECTIONS)}
    assert watched == KEYS[bottleneck]
    quantized = range(4, NUM_STEPS + 1)  # start_after=3
    for name in watched:
        since_start = name in CODES | OF_EACH and "latent" not in name
        steps = list(quantized if since_start else range(1, NUM_STEPS + 1))
        assert found.scalars[name][0].tolist() == steps, name
    assert found.histograms.keys() == HISTOGRAMS[bottleneck] | {"bottleneck/latents"}
    for name, logged in found.histograms.items():
        assert [each.step for each in logged] == [6, 12], name


@pytest.mark.parametrize("bottleneck", KEYS)
def test_accumulated_gradients_log_the_same_at_the_same_steps(bottleneck, run):
    plain_run = run(*of(bottleneck))
    accumulated = run(*of(bottleneck), "trainer.accumulate_grad_batches=2")
    assert_same_places(accumulated, plain_run)


@pytest.mark.slow
@pytest.mark.parametrize("bottleneck", ["vqvae", pytest.param("vae", marks=pytest.mark.long)])
def test_a_compiled_run_logs_the_same(bottleneck, run):
    """And, in the first step, the same metrics."""
    plain_run, compiled = run(*of(bottleneck)), run(*of(bottleneck), "compile=true")
    assert_same_places(compiled, plain_run)
    for name in KEYS[bottleneck]:
        first = plain_run.scalars[name][1][0]
        assert compiled.scalars[name][1][0] == pytest.approx(first, rel=1e-3, abs=1e-4), name


def assert_same_places(one: RunHistory, other: RunHistory) -> None:
    assert one.scalars.keys() == other.scalars.keys()
    for name in one.scalars.keys() - {"speed/times_real_time"}:
        assert one.scalars[name][0].tolist() == other.scalars[name][0].tolist(), name
    steps = [
        {name: [each.step for each in logged] for name, logged in run.histograms.items()}
        for run in (one, other)
    ]
    assert steps[0] == steps[1]


def test_metrics_of_a_run_agree_with_one_another(run):
    """Monitors, validation and histograms, each of which computes its own."""
    vae, rvq = run(*of("vae")), run(*of("rvq"))
    raw_kl, kl = (vae.scalars[name][1] for name in ("bottleneck/kl", "vae/kl_per_code"))
    assert kl.tolist() == pytest.approx(raw_kl.tolist(), rel=1e-4)
    bars = [each.counts.sum() for each in vae.histograms["vae/kl_per_dimension"]]
    code_rate = rvq.scalars["bitrate/nominal"][1][0] / (2 * 3)  # two codebooks of 2 ** 3
    bits = [nats / log(2) * code_rate for nats in bars]
    assert bits == pytest.approx(vae.scalars["bitrate/kl"][1].tolist(), rel=1e-4)
    books = [rvq.histograms[f"codebook/usage/codebook_{book}"] for book in (1, 2)]
    used = [sum((each.counts > 0).sum() for each in pair) / 16 for pair in zip(*books, strict=True)]
    assert used == pytest.approx(rvq.scalars["validation/codes_used"][1].tolist())


@pytest.mark.parametrize("bottleneck", ["vae", "rvq"])
def test_monitors_change_nothing(bottleneck, run):
    """Not the weights, whose losses they are, nor anything random."""
    unwatched = run(*of(bottleneck), "monitors=none")
    watched = run(*of(bottleneck))
    assert not any(name.startswith(SECTIONS) for name in unwatched.scalars)
    for name in unwatched.scalars.keys() - {"speed/times_real_time"}:
        assert unwatched.scalars[name][1].tolist() == watched.scalars[name][1].tolist(), name
