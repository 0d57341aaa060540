"""The decoder against its definition and its geometry."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from wavenet_ae.decoders import WaveNet
from wavenet_ae.decoders.gated_layer import GatedLayer, hold, hold_gradient


def plain_layer(hidden, taps, frames, residual, dilation, hop, first, num_scored):
    """The gated layer as the paper writes it, for automatic differentiation."""
    length = hidden.shape[0] - (taps.shape[0] - 1) * dilation
    gates = frames[first // hop :].repeat_interleave(hop, 0)[first % hop :][:length]
    for tap, weight in enumerate(taps):
        gates = gates + hidden[tap * dilation : tap * dilation + length] @ weight.t()
    signal, gate = gates.chunk(2, dim=-1)
    gated = torch.tanh(signal) * torch.sigmoid(gate)
    output = None if residual is None else hidden[-length:] + gated @ residual.t()
    return output, gated[-num_scored:]


def layer_inputs(length, dilation, hop, first, kernel, has_residual):
    generator = torch.Generator().manual_seed(length)

    def normal(*shape: int) -> Tensor:
        drawn = torch.randn(*shape, generator=generator, dtype=torch.float64)
        return drawn.requires_grad_()

    num_frames = -(-(first + length - (kernel - 1) * dilation) // hop) + 1
    residual = normal(3, 4) if has_residual else None
    tensors = (normal(length, 2, 3), normal(kernel, 8, 3), normal(num_frames, 2, 8), residual)
    return (*tensors, dilation, hop, first, 4)


LAYERS = [
    (30, 2, 5, 3, 2, True),
    (30, 3, 4, 0, 3, True),
    (12, 1, 40, 38, 2, False),  # a single frame's end and the next one's beginning
    (20, 2, 1, 4, 2, True),  # conditioning at sample rate
    (9, 1, 50, 4, 2, True),  # the window is shorter than what is left of a frame
]


@pytest.mark.parametrize("sizes", LAYERS)
def test_layer_and_its_gradient_are_the_paper_s(sizes):
    inputs = layer_inputs(*sizes)
    leaves = [each for each in inputs if isinstance(each, Tensor)]
    results = []
    for layer in (GatedLayer.apply, plain_layer):
        outputs = [each for each in layer(*inputs) if each is not None]
        weights = [torch.linspace(-1, 1, each.numel(), dtype=each.dtype) for each in outputs]
        total = sum((o.flatten() * w).sum() for o, w in zip(outputs, weights, strict=True))
        results.append([*outputs, *torch.autograd.grad(total, leaves)])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)


def test_hold_and_its_transpose():
    frames = torch.randn(5, 2, 3, dtype=torch.float64)
    gradient = torch.randn(11, 2, 3, dtype=torch.float64)
    held = hold(frames, hop=4, first=6, length=11)
    assert torch.equal(held[:2], frames[1:2].expand(2, -1, -1))
    assert torch.equal(held[2:6], frames[2:3].expand(4, -1, -1))
    transposed = hold_gradient(gradient, num_frames=5, hop=4, first=6)
    torch.testing.assert_close((held * gradient).sum(), (frames * transposed).sum())


def wavenet(hop: int = 1, **settings) -> WaveNet:
    torch.manual_seed(0)
    sizes = dict(num_blocks=2, layers_per_block=3, residual=6, gate=5, skip=7, post=4)
    settings = {**sizes, "speaker_dim": 3, "levels": 16, **settings}
    return WaveNet(conditioning_dim=4, num_speakers=3, conditioning_hop=hop, **settings).double()


def inputs_for(decoder: WaveNet, num_targets: int = 9, batch: int = 2):
    generator = torch.Generator().manual_seed(1)
    length = decoder.chain.receptive_field + num_targets - 1
    positions = decoder.chain.layers[0].output_length(length)
    num_frames = -(-positions // decoder.conditioning_hop)
    samples = torch.randint(16, (batch, length), generator=generator)
    frames = torch.randn(batch, 4, num_frames, generator=generator, dtype=torch.float64)
    return samples, frames, torch.tensor([0, 2])[:batch]


@pytest.mark.parametrize("hop", [1, 3])
@pytest.mark.parametrize("kernel", [2, 3])
def test_prediction_reads_exactly_its_receptive_field(hop, kernel):
    decoder = wavenet(hop, kernel=kernel)
    samples, frames, speaker = inputs_for(decoder)
    field = decoder.chain.receptive_field
    assert decoder(samples, frames, speaker).shape == (2, 16, 9)
    with torch.no_grad():
        decoder.embedding[15] = torch.nan  # a level that nothing else has
    samples = samples.clamp_max(14)
    for position in range(samples.shape[1]):
        holed = samples.clone()
        holed[:, position] = 15
        affected = decoder(holed, frames, speaker).isnan().any(dim=1)[0]
        # prediction w follows sample field - 1 + w
        expected = [w <= position <= field - 1 + w for w in range(9)]
        assert affected.tolist() == expected, position


@pytest.mark.parametrize("hop", [1, 3])
def test_prediction_reads_its_conditioning(hop):
    decoder = wavenet(hop)
    samples, frames, speaker = inputs_for(decoder)
    reach = decoder.chain.receptive_field - 1  # positions that a prediction reads, with k = 2
    for vector in range(frames.shape[-1]):
        holed = frames.clone()
        holed[..., vector] = torch.nan
        changed = decoder(samples, holed, speaker).isnan().any(dim=1)[0]
        held = range(vector * hop, (vector + 1) * hop)
        expected = [any(w <= position < w + reach for position in held) for w in range(9)]
        assert changed.tolist() == expected, vector


def test_speaker_matters_and_items_do_not_mix():
    decoder = wavenet()
    samples, frames, _ = inputs_for(decoder)
    first = decoder(samples, frames, torch.tensor([0, 1]))
    second = decoder(samples, frames, torch.tensor([0, 2]))
    assert torch.equal(first[0], second[0])
    assert not torch.equal(first[1], second[1])
    swapped = decoder(samples.flip(0), frames.flip(0), torch.tensor([1, 0]))
    torch.testing.assert_close(swapped.flip(0), first, rtol=0, atol=1e-12)


def test_bfloat16_follows_float32():
    decoder = wavenet(hop=3).float()
    samples, frames, speaker = inputs_for(decoder)
    plain = decoder(samples, frames.float(), speaker)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = decoder(samples, frames.float(), speaker)
    assert mixed.dtype == torch.bfloat16
    assert (mixed.float() - plain).abs().max() < 0.02
    mixed.float().square().sum().backward()
    assert all(p.grad is not None for p in decoder.parameters())


def test_golden_logits():
    decoder = wavenet(hop=3).float()
    samples, frames, speaker = inputs_for(decoder)
    logits = decoder(samples, frames.float(), speaker)
    expected = torch.tensor(GOLDEN)
    torch.testing.assert_close(logits[0, :4, 0], expected, rtol=1e-4, atol=1e-5)


GOLDEN = [0.55662, 0.10906, 0.13066, 0.17165]
