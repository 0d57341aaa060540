"""How a model's numbers are computed: `trainer.precision`, and `compile=true`."""

from __future__ import annotations

import logging
import os
from typing import Any

import torch
from pytorch_lightning.plugins import DoublePrecision
from torch import Tensor

from wavenet_ae.alignment import WindowPlan
from wavenet_ae.caches import VARIABLE, cache_of, make_private
from wavenet_ae.errors import UserError
from wavenet_ae.models import SpeechModel
from wavenet_ae.models.computing import evaluation_mode
from wavenet_ae.threads import has_bfloat16_instructions

logger = logging.getLogger(__name__)

COMPILED = ("encoder", "context", "upsampling", "decoder")  # the bottleneck decides by its data
TORCH_CACHE = "TORCHINDUCTOR_CACHE_DIR"  # environment variable of torch
TOLERANCE = 1e-3  # relative to the largest logit, and to the largest of a weight's gradients


class Float64(DoublePrecision):
    """`trainer.precision=64-true`: Lightning's own converts the floats of a batch and refuses
    frozen dataclasses; a batch of ours holds integers, and means that have their precision."""

    def convert_input(self, data: Any) -> Any:
        return data


def warn_of_slow_precision(precision: str, device_type: str) -> None:
    """Logs a warning where `trainer.precision` is much slower than float32 on this machine."""
    if precision == "bf16-mixed" and device_type == "cpu" and not has_bfloat16_instructions():
        logger.warning(
            "trainer.precision=bf16-mixed: this CPU has no instructions for bfloat16 (AVX512-BF16 "
            "or AMX), so training can take five times as long as in float32, or more.  Use "
            "trainer.precision=32-true"
        )


def compile_parts(model: SpeechModel, plan: WindowPlan) -> None:
    """Compiles encoder, context, upsampling and decoder in place, where the model has them.

    Compilers have given wrong convolutions: logits and gradients on a window of noise are
    compared with those of the model as it was.  That is in float32, in evaluation mode and on the
    CPU, before the model moves to another device, where the compiler's work is not compared.
    Raises UserError where they differ, or where nothing can be compiled.
    """
    _use_private_cache()
    expected = _probed(model, plan)
    _compile(model)
    try:
        compiled = _probed(model, plan)
    except RuntimeError as failure:
        reason = str(failure).strip().split("\n")[0]
        raise UserError(f"compile=true fails here ({reason}): set compile=false") from failure
    for name, value in compiled.items():
        error = float((value - expected[name]).abs().max())
        if not error <= TOLERANCE * float(expected[name].abs().max()):
            raise UserError(
                f"compile=true changes the model's {name} by {error:.2g} on this machine: set "
                "compile=false"
            )
    logger.info("compiled %s, and compared on a window of noise", ", ".join(COMPILED))


def _use_private_cache() -> None:
    """Makes torch keep what it compiles in a folder of the user, instead of a known one in /tmp.

    It loads machine code and Python from there, which another user could have put in place.
    """
    if TORCH_CACHE in os.environ:
        return
    folder = cache_of("torch_compile")
    try:
        os.environ[TORCH_CACHE] = str(make_private(folder))
    except OSError as error:
        raise UserError(
            f"compile=true fails here ({folder} cannot be made: {error.strerror}): set the "
            f"environment variable {VARIABLE} to a writable folder, or compile=false"
        ) from None


def _compile(model: SpeechModel) -> None:
    for name in COMPILED:
        part = getattr(model, name, None)
        if part is not None:
            part.compile()


def _probed(model: SpeechModel, plan: WindowPlan) -> dict[str, Tensor]:
    """Outputs for two windows of noise, and gradients of their mean square where there are any."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, plan.slice_length)
    noise = torch.randint(-8000, 8000, shape, dtype=torch.int16, generator=generator)
    speaker = torch.zeros(2, dtype=torch.int64)
    with evaluation_mode(model):
        output = model(noise, speaker, plan, feature_mean=model.average_feature_mean(2))
        parts = (output.parameters, output.context, output.latents)
        logits = next(each for each in parts if each is not None)  # the last that there is
        if logits.requires_grad:  # a pretrained encoder alone, which stays as it is, has none
            logits.square().mean().backward()
    gradients = {
        f"gradient of {name}": parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and parameter.grad.numel()
    }
    model.zero_grad()
    return {"logits": logits.detach(), **gradients}
