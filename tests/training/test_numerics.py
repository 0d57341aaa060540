"""torch.compile changes the speed alone or is refused; slow precisions are warned of."""

from __future__ import annotations

import copy
import os

import pytest
import torch
from helpers.configs import small

from wavenet_ae.errors import UserError
from wavenet_ae.models import build
from wavenet_ae.training import numerics


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build(small("ae"), ["anna"])


def gradients(model) -> dict[str, torch.Tensor]:
    plan = model.window(4 * int(model.hop))
    generator = torch.Generator().manual_seed(5)
    shape = (3, plan.slice_length)
    waveform = torch.randint(-5000, 5000, shape, dtype=torch.int16, generator=generator)
    model.eval()(waveform, torch.zeros(3, dtype=torch.int64), plan).parameters.pow(
        3
    ).mean().backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.long
def test_a_compiled_model_is_the_same(model):
    plain = copy.deepcopy(model)
    numerics.compile_parts(model, model.window(4 * int(model.hop)))
    assert model.decoder._compiled_call_impl is not None
    compiled, expected = gradients(model), gradients(plain)
    assert compiled.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(compiled[name], gradient, rtol=1e-4, atol=1e-6)


def test_a_compiler_that_errs_is_refused(model, monkeypatch):
    def miscompile(trial):
        with torch.no_grad():
            trial.decoder.post.weight.mul_(1.01)

    monkeypatch.setattr(numerics, "_compile", miscompile)
    with pytest.raises(UserError, match="compile=true changes the model's logits by"):
        numerics.compile_parts(model, model.window(4 * int(model.hop)))


@pytest.mark.parametrize(
    "chosen, device, has_instructions, warns",
    [
        ("bf16-mixed", "cpu", False, True),
        ("bf16-mixed", "cpu", True, False),
        ("bf16-mixed", "cuda", False, False),
        ("32-true", "cpu", False, False),
    ],
)
def test_bfloat16_without_instructions_is_warned_of(
    chosen, device, has_instructions, warns, monkeypatch, caplog
):
    monkeypatch.setattr(numerics, "has_bfloat16_instructions", lambda: has_instructions)
    numerics.warn_of_slow_precision(chosen, device)
    assert ("five times" in caplog.text) == warns


def compiled_nothing(model, monkeypatch, folder) -> str | None:
    """What torch is told to use as its cache, where $WAVENET_AE_CACHE is a folder."""
    monkeypatch.setenv("WAVENET_AE_CACHE", str(folder))
    monkeypatch.setattr(numerics, "_compile", lambda model: None)
    numerics.compile_parts(model, model.window(int(model.hop)))
    return os.environ.get(numerics.TORCH_CACHE)


def test_compiled_code_is_kept_where_nobody_else_can_put_any(model, monkeypatch, tmp_path):
    monkeypatch.setenv(numerics.TORCH_CACHE, "unset below, and restored")
    monkeypatch.delenv(numerics.TORCH_CACHE)
    folder = tmp_path / "cache" / "torch_compile"
    assert compiled_nothing(model, monkeypatch, tmp_path / "cache") == str(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    monkeypatch.delenv(numerics.TORCH_CACHE)
    with pytest.raises(UserError, match=f"{folder} can be written by other users"):
        compiled_nothing(model, monkeypatch, tmp_path / "cache")


def test_a_cache_that_the_user_has_chosen_for_compiled_code_stays(model, monkeypatch, tmp_path):
    monkeypatch.setenv(numerics.TORCH_CACHE, "chosen")
    assert compiled_nothing(model, monkeypatch, tmp_path) == "chosen"
    assert not [*tmp_path.iterdir()]


@pytest.mark.long
def test_a_pretrained_encoder_alone_is_compiled(monkeypatch):
    """It stays as it is, so that there are no gradients to compare."""
    config = small(encoder_option="pretrained")
    config["encoder"]["tuned"] = False
    config["bottleneck"] = {"_target_": "wavenet_ae.bottlenecks.Identity"}
    config["model"] = {"_target_": "wavenet_ae.models.Representation"}
    del config["decoder"], config["target"]
    alone = build(config, ["anna"])
    numerics.compile_parts(alone, alone.window(4 * int(alone.hop)))
    assert alone.encoder._compiled_call_impl is not None
