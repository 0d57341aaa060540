"""Checkpoints whose values have been altered end a resume in one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from wavenet_ae.checkpoint import newest_checkpoint, read_checkpoint
from wavenet_ae.checkpoint_model import speakers_of
from wavenet_ae.errors import UserError
from wavenet_ae.runs import RunFolder
from wavenet_ae.training.callbacks.checkpoints import kept_state
from wavenet_ae.training.restoring import require_like, require_same_model, restoring
from wavenet_ae.training.run import train

LOOP = "loops/fit_loop/epoch_loop"
STEPS = "automatic_optimization.optim_progress/optimizer/step/total/completed"
GROUP = "optimizer_states/0/param_groups/0"
# A value by its place in the checkpoint, and what the error says.
ALTERED: dict[str, tuple[Any, str]] = {
    f"{LOOP}.batch_progress/total/started": ("x", r"batch_progress\.total\.started is 'x'"),
    f"{LOOP}.batch_progress/current": (None, r"batch_progress\.current is None"),
    f"{LOOP}.{STEPS}": (10**6, "does not fit this run .*its loops are at step 1000000"),
    f"{GROUP}/lr": ("x", "does not fit this run .*lr of the optimizer is 'x'"),
    f"{GROUP}/params/1": ({}, "does not fit this run .*unhashable"),
    "optimizer_states/0/state/0/exp_avg": (torch.zeros(3), "does not fit this run .*exp_avg"),
    "lr_schedulers/0/base_lrs/0": ("x", "does not fit this run .*learning rates"),
    "callbacks/Doctor/training/0/step": ("x", "does not fit this run .*training metrics are"),
    "callbacks/Checkpoints/best_step": ("x", "is damaged: best_step is 'x', but must be"),
    "callbacks/Checkpoints": (3, "is damaged: 3, where best_value"),
    "wavenet_ae/speakers": (3, "is damaged: speakers is 3"),
    "wavenet_ae/config": ("x", "is damaged: config is 'x'"),
    "wavenet_ae/config/decoder/num_blocks": (9, r"decoder\.num_blocks is 1 .* but 9 in its"),
}


def alter(content: dict[str, Any], place: str, value: Any) -> None:
    *above, last = place.split("/")
    node: Any = content
    for key in above:
        node = node[int(key) if key.isdigit() else key]
    node[int(last) if last.isdigit() else last] = value


def test_an_altered_value_of_a_checkpoint_ends_its_resume_in_one_error(config):
    settings = config("bottleneck=ae", "trainer.max_steps=2")
    train(settings)
    found = newest_checkpoint(RunFolder(settings["run_folder"]))
    assert found is not None
    path = found[0]
    whole = path.read_bytes()
    Path(f"{path}.sha256").unlink()  # with it, any other byte is refused
    for place, (value, message) in ALTERED.items():
        path.write_bytes(whole)
        content = read_checkpoint(path)
        del content["wavenet_ae"]["tensors_sha256"]
        alter(content, place, value)
        torch.save(content, path)
        with pytest.raises(UserError, match=message) as caught:
            train({**settings, "trainer": {**settings["trainer"], "max_steps": 3}})
        assert str(path) in str(caught.value)


PATH = Path("step-1.ckpt")


@pytest.mark.parametrize("value", [None, "x", -1, True, 1.5, 10**400, [1], {}])
def test_values_of_another_kind_are_named_by_their_place(value):
    require_like({"a": {"b": 2}, "more": 1}, {"a": {"b": 0}}, PATH, "loops")
    with pytest.raises(UserError, match=r"step-1\.ckpt is damaged: loops\.a\.b is "):
        require_like({"a": {"b": value}}, {"a": {"b": 0}}, PATH, "loops")


def test_a_configuration_that_is_not_that_of_its_checkpoint_is_refused_before_it_is_built():
    then = {"sample_rate": 8000, "decoder": {"num_blocks": 1}}
    require_same_model(then | {"seed": 3}, PATH, {"wavenet_ae": {"config": then}})
    now = {"sample_rate": 8000, "decoder": {"num_blocks": 1000}}
    with pytest.raises(UserError, match=r"decoder\.num_blocks is 1000 in the config.* but 1 in"):
        require_same_model(now, PATH, {"wavenet_ae": {"config": then}})


def test_an_error_that_has_another_cause_does_not_blame_the_checkpoint():
    """Else its remedy would be to remove a checkpoint that is whole."""
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    loops = {"fit_loop": trainer.fit_loop.state_dict(), "validate_loop": {}}
    content = {"loops": loops, "global_step": 0}
    early = RuntimeError("the address is in use")  # where processes meet, before it is read
    full = torch.OutOfMemoryError("the device is full")
    for error, is_read, expected in (
        (early, False, pytest.raises(RuntimeError, match="the address is in use")),
        (full, True, pytest.raises(torch.OutOfMemoryError)),
        (RuntimeError("shapes differ"), True, pytest.raises(UserError, match="does not fit")),
    ):
        with expected, restoring(trainer, PATH, content):
            if is_read:
                trainer.callbacks[0].setup(trainer, pl.LightningModule(), "fit")
            raise error


def test_parts_of_a_checkpoint_that_are_missing_are_named():
    with pytest.raises(UserError, match="speakers is None"):
        speakers_of(PATH, {"wavenet_ae": {}})
    with pytest.raises(UserError, match=r"step-1\.ckpt is damaged: None, where best_value"):
        kept_state(PATH, {"callbacks": {}})
