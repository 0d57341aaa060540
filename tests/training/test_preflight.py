"""What is refused before any recording is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.composed import compose

from wavenet_ae.errors import UserError
from wavenet_ae.training.preflight import check_sizes, decides_sizes

BOTH = [
    *("objective=[reconstruction,masked_prediction]", "sample_rate=16000"),
    "objective.masked_prediction.targets=none.npz",
]
ONLY_MASKED = "objective.masked_prediction.positions=masked"


def composed(folder: Path, *overrides: str) -> dict[str, Any]:
    return {**compose(*BOTH, *overrides), "run_folder": str(folder / "run")}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            ["encoder=units"],
            "encoder.perturbation.time_mask_fraction is 0: set it to the fraction of frames to "
            "mask, such as encoder.perturbation.time_mask_fraction=0.3",
        ),
        (
            ["encoder=pretrained", "encoder.checkpoint=none.ckpt", "encoder.tuned=true"],
            "encoder.encoder.perturbation.time_mask_fraction is 0: set it to the fraction of "
            "frames to mask, such as encoder.encoder.perturbation.time_mask_fraction=0.3",
        ),
        (
            ["encoder=pretrained", "encoder.checkpoint=none.ckpt"],
            "the input of an encoder with encoder.tuned=false is not masked: set it to true",
        ),
        (
            ["encoder=units", "encoder/perturbation=masked", "optimizer.frozen=[encoder]"],
            "the input of a frozen encoder is not masked: remove encoder from optimizer.frozen",
        ),
        (
            ["encoder=wav2vec2", "encoder.layer=1", "encoder.tuned=true"],
            "Wav2Vec2Encoder masks nothing of its input: choose another encoder",
        ),
    ],
)
def test_masked_positions_without_masks_are_refused(tmp_path, settings, problem):
    with pytest.raises(UserError) as found:
        check_sizes(composed(tmp_path, ONLY_MASKED, *settings))
    assert str(found.value) == (
        f"objective.masked_prediction.positions is masked, but {problem}, or set "
        "objective.masked_prediction.positions=all"
    )


@pytest.mark.parametrize("settings", [[], [ONLY_MASKED, "encoder/perturbation=masked"]])
def test_all_positions_and_masked_ones_with_masks_are_accepted(tmp_path, settings):
    assert check_sizes(composed(tmp_path, "encoder=units", *settings)) is not None


def test_runs_of_a_grid_that_differ_in_the_positions_are_checked_apart(tmp_path):
    values = [composed(tmp_path, *settings) for settings in ([], [ONLY_MASKED])]
    assert decides_sizes(values[0]) != decides_sizes(values[1])
