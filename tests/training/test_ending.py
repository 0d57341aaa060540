"""The line with which a run ends."""

from __future__ import annotations

import logging
import signal
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from helpers.configs import TINY_CODES
from pytorch_lightning.callbacks import EarlyStopping, Timer

from wavenet_ae.runs import RunFolder
from wavenet_ae.signals import Stopped
from wavenet_ae.training.callbacks import Ending
from wavenet_ae.training.callbacks.ending import quantizing, reason_to_end
from wavenet_ae.training.module import WaveformTraining
from wavenet_ae.training.run import train


def trainer(**changes):
    values = {"fast_dev_run": False, "callbacks": [], "global_step": 9, "max_steps": 24}
    return SimpleNamespace(**{**values, **changes})


@pytest.mark.parametrize(
    "changes, reason, remedy",
    [
        ({"max_steps": 9}, "trainer.max_steps", "larger trainer.max_steps"),
        ({"fast_dev_run": True, "max_steps": 1}, "fast_dev_run=true", "fast_dev_run=false"),
        ({"fast_dev_run": 9, "max_steps": 9}, "fast_dev_run=9", "fast_dev_run=false"),
        ({"callbacks": [Timer("00:00:00:00")]}, "trainer.max_time", "longer trainer.max_time"),
        ({"callbacks": [Timer("01:00:00:00")]}, "a callback", ""),
    ],
)
def test_each_end_names_its_reason_and_its_remedy(changes, reason, remedy):
    found = reason_to_end(trainer(**changes))
    assert reason in found[0] and remedy in found[1]


@pytest.mark.parametrize(
    "bottleneck, text",
    [
        (None, ""),
        (SimpleNamespace(codebook_size=None, is_quantizing=False), ""),
        (SimpleNamespace(codebook_size=8, is_quantizing=True), "has begun to quantize"),
        (
            SimpleNamespace(codebook_size=8, is_quantizing=False, start_after=30),
            r"not begun to quantize (bottleneck.start_after=30)",
        ),
    ],
)
def test_codes_that_have_no_meaning_yet_are_named(bottleneck, text):
    streams = [] if bottleneck is None else [SimpleNamespace(bottleneck=bottleneck)]
    found = quantizing(SimpleNamespace(code_streams=streams))
    assert text in found and bool(found) == bool(text)


def test_one_of_several_streams_may_not_have_begun():
    begun = SimpleNamespace(codebook_size=8, is_quantizing=True)
    waiting = SimpleNamespace(codebook_size=8, is_quantizing=False, start_after=9)
    streams = [SimpleNamespace(bottleneck=each) for each in (begun, waiting)]
    assert "not begun to quantize" in quantizing(SimpleNamespace(code_streams=streams))


def last_line(caplog) -> str:
    (line,) = [each for each in caplog.messages if "the run ends" in each]
    return line


def test_a_trial_run_says_that_it_was_one_and_continues_as_a_run(config, caplog):
    caplog.set_level(logging.INFO)
    settings = config(*TINY_CODES, "+trainer.fast_dev_run=true")
    train(settings)
    line = last_line(caplog)
    assert line.startswith("step 1: the run ends, because trainer.fast_dev_run=true")
    assert "validation/nll 5." in line and "at step 1" in line, "the last validation"
    assert f"resume={settings['run_folder']} trainer.fast_dev_run=false" in line
    caplog.clear()
    settings["trainer"].update(fast_dev_run=False, max_steps=7)
    train(settings)
    line = last_line(caplog)
    assert line.startswith("step 7: the run ends, because it has reached trainer.max_steps")
    assert "begun to quantize" in line and "at step 6" in line


def test_a_resumed_run_without_a_validation_says_since_when(config, caplog):
    caplog.set_level(logging.INFO)
    settings = config("bottleneck=ae", "trainer.max_steps=2")
    train(settings)
    settings["trainer"]["max_steps"] = 3
    train(settings)
    assert "the last validation: none since step 2, where it was resumed." in caplog.text


def test_a_time_that_is_over_is_said_also_where_nothing_is_trained(config, caplog):
    settings = config("bottleneck=ae", "+trainer.max_time=00:00:00:00")
    settings["callbacks"]["doctor"] = None
    train(settings)
    assert "because trainer.max_time is over" in last_line(caplog)


def test_a_run_that_early_stopping_ends_says_so(config, caplog):
    settings = config("bottleneck=ae", "validate_every_n_steps=2", "trainer.max_steps=20")
    settings["callbacks"]["stop"] = {
        "_target_": "pytorch_lightning.callbacks.EarlyStopping",
        "monitor": "validation/nll",
        "stopping_threshold": 9.0,
    }
    train(settings)
    line = last_line(caplog)
    assert line.startswith("step 2: the run ends, because EarlyStopping: ")
    assert "Stopping threshold reached" in line and "validation/nll" in line
    assert reason_to_end(trainer(callbacks=[EarlyStopping("x")]))[0] == "a callback has stopped it"


def test_a_stage_that_others_follow_is_not_continued_by_itself(config, caplog):
    caplog.set_level(logging.INFO, "wavenet_ae")
    train(config("bottleneck=ae"), is_last=False)
    text = "\n".join(each.message for each in caplog.records)
    assert "the run ends, because it has reached trainer.max_steps" in text and "best " in text
    assert "Continue it" not in text and "measure it" not in text and "use it:" not in text


def test_a_stage_that_is_stopped_is_continued_with_its_recipe(tmp_path, caplog):
    stage = RunFolder(tmp_path).stage(2, "student")
    RunFolder(tmp_path).recipe.write_text("stages: {}")
    assert stage.whole.path == tmp_path and stage.name == f"{tmp_path.name}/2-student"
    stopped = Stopped(signal.SIGTERM, is_first_process=True)
    who = SimpleNamespace(is_global_zero=True, **vars(trainer()))
    module = Mock(spec=WaveformTraining, code_streams=())
    Ending(str(stage.path), is_last=False).on_exception(who, module, stopped)
    assert last_line(caplog).endswith(f"Continue it with wavenet-ae train resume={tmp_path}")


def test_a_signal_is_named(tmp_path, caplog):
    stopped = Stopped(signal.SIGTERM, is_first_process=True)
    who = SimpleNamespace(is_global_zero=True, **vars(trainer()))
    module = Mock(spec=WaveformTraining, code_streams=())
    Ending(str(tmp_path)).on_exception(who, module, stopped)
    expected = f"the last validation: none.  Continue it with wavenet-ae train resume={tmp_path}"
    assert f"SIGTERM has stopped it; {expected}" in last_line(caplog)
