"""Does any result read what it must not, in each mode of a GPU's libraries?

cuDNN may choose a convolution by Fourier transform or in tiles, whose rounding lets every output
depend on every input.  Of the recipe's model, in each mode:

    fields    NaN are where the geometry says, neither more nor fewer (metrics/receptive_fields.py)
    changed   logits that differ when samples after all that they read are others: 0 of the number
    largest   of these differences
    gradient  the largest outside of what a code reads, and of conditioning that is still to come
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor

from gpu_parts import recipe
from gpu_parts.modes import autocast, cudnn_deterministic, tf32
from gpu_parts.task import Task
from wavenet_ae.metrics.receptive_fields import ReceptiveField, measure_receptive_fields
from wavenet_ae.models import Autoencoder, build
from wavenet_ae.models.build import model_config

NUM_HOPS = 12  # of the window
BATCH = 8


@dataclass(frozen=True)
class Mode:
    precision: str
    is_deterministic: bool
    has_tf32: bool

    def __str__(self) -> str:
        words = [
            self.precision,
            "cuDNN deterministic" if self.is_deterministic else "cuDNN free",
            *(["TF32"] if self.has_tf32 else []),
        ]
        return ", ".join(words)


def modes() -> Iterator[Mode]:
    """All combinations."""
    for precision in ("fp32", "bf16"):
        for is_deterministic in (True, False):
            for has_tf32 in (False, True):
                yield Mode(precision, is_deterministic, has_tf32)


def run(task: Task) -> None:
    """Record each mode; raises SystemExit where one lets something through."""
    leaks = 0
    for mode in modes():
        torch.manual_seed(0)
        model = build(model_config(recipe.config(task.tiny)), ["anna", "bert"])
        assert isinstance(model, Autoencoder)
        model.bottleneck.is_quantizing.fill_(True)  # type: ignore[union-attr]
        model.to(task.device).eval()
        with ExitStack() as stack:
            stack.enter_context(cudnn_deterministic(mode.is_deterministic))
            stack.enter_context(tf32(mode.has_tf32))
            stack.enter_context(autocast(task.device, mode.precision))
            fields = measure_receptive_fields(model)
            changed, compared, largest = changes(model, task.device, fields)
            gradient = largest_gradient(model, task.device)
        values = {
            "fields": all(each.agrees for each in fields),
            "changed": changed,
            "of": compared,
            "largest": largest,
            "gradient": gradient,
        }
        task.record(str(mode), **values)
        leaks += not (values["fields"] and changed == 0 and gradient == 0)
    if leaks:
        raise SystemExit(f"Error: {leaks} modes let something through")


@torch.no_grad()
def changes(
    model: Autoencoder, device: str, fields: list[ReceptiveField]
) -> tuple[int, int, float]:
    """Returns how many logits before a moment change with samples that none of them reads, how
    many logits there are, and the largest change."""
    plan = model.window(NUM_HOPS * int(model.hop))
    generator = torch.Generator().manual_seed(1)
    shape = (BATCH, plan.slice_length)
    noise = [
        torch.randint(-8000, 8000, shape, dtype=torch.int16, generator=generator).to(device)
        for _ in range(2)
    ]
    lookahead = max(0, int(fields[-1].computed.last))
    before = plan.num_targets // 2  # predictions that are compared
    first_unread = plan.targets.start + before + lookahead
    other = noise[0].clone()
    other[:, first_unread:] = noise[1][:, first_unread:]
    speaker = torch.zeros(BATCH, dtype=torch.int64, device=device)
    own, changed = (
        model(each, speaker, plan).parameters[..., :before].float() for each in (noise[0], other)
    )
    difference = (own - changed).abs()
    count = int((difference > 0).sum()) + int((~difference.isfinite()).sum())
    return count, own.numel(), float(difference.max())


def largest_gradient(model: Autoencoder, device: str) -> float:
    """The largest where it must be 0: of a code in samples that it does not read, and of
    predictions in conditioning that is held later."""
    chain = model.alignment.encoder
    code, num_codes = 3, 8
    reads = chain.input_range(range(code, code + 1))
    generator = torch.Generator().manual_seed(2)
    waveform = torch.randn(BATCH, chain.input_length(num_codes), generator=generator).to(device)
    waveform.requires_grad_()
    model.encoder(waveform)[..., code].float().square().sum().backward()
    assert waveform.grad is not None
    outside = [waveform.grad[:, : reads.start], waveform.grad[:, reads.stop :]]
    return max(*(_largest(each) for each in outside), _largest(_conditioning_gradient(model)))


def _conditioning_gradient(model: Autoencoder) -> Tensor:
    """Returns gradients of half of a window's predictions in vectors after them."""
    decoder, plan = model.decoder, model.window(NUM_HOPS * int(model.hop))
    device, generator = decoder.input.weight.device, torch.Generator().manual_seed(3)
    length = plan.decoder_input.stop - plan.decoder_input.start
    levels = torch.randint(model.target.levels or 2, (BATCH, length), generator=generator).to(
        device
    )
    shape = (BATCH, model.upsampling.dim, plan.num_vectors)
    vectors = torch.randn(shape, generator=generator).to(device).requires_grad_()
    speaker = torch.zeros(BATCH, dtype=torch.int64, device=device)
    half = plan.num_targets // 2
    decoder(levels, vectors, speaker)[..., :half].float().square().sum().backward()
    last = (model.alignment.conditioning_reach + half - 2) // decoder.conditioning_hop
    assert vectors.grad is not None and vectors.grad[..., : last + 1].abs().max() > 0
    return vectors.grad[..., last + 1 :]


def _largest(values: Tensor) -> float:
    return float(values.abs().max()) if values.numel() else 0.0
