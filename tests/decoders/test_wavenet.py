"""The decoder against its definition and its geometry."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from wavenet_ae.decoders import WaveNet
from wavenet_ae.decoders.gated_layer import (
    Weights,
    gated_layers,
    repeat_frames,
    repeat_frames_gradient,
)


def plain_layers(hidden, frames, skip_bias, layers, dilations, hop):
    """The layers as the paper writes them, for automatic differentiation."""
    num_positions = len(hidden) - (len(layers[0].taps) - 1) * dilations[0]
    held = frames.repeat_interleave(hop, 0)[:num_positions]
    all_gated = []
    for layer, dilation in zip(layers, dilations, strict=True):
        length = len(hidden) - (len(layer.taps) - 1) * dilation
        gates = held[-length:] @ layer.conditioning.t() + layer.offset
        for tap, weight in enumerate(layer.taps):
            gates = gates + hidden[tap * dilation : tap * dilation + length] @ weight.t()
        signal, gate = gates.chunk(2, dim=-1)
        all_gated.append(torch.tanh(signal) * torch.sigmoid(gate))
        if layer.residual is not None:
            hidden = hidden[-length:] + all_gated[-1] @ layer.residual.t()
    pairs = zip(all_gated, layers, strict=True)
    return skip_bias + sum(gated[-length:] @ layer.skip.t() for gated, layer in pairs)


def layers_inputs(length, dilations, kernel, hop):
    generator = torch.Generator().manual_seed(length)

    def normal(*shape: int) -> Tensor:
        drawn = torch.randn(*shape, generator=generator, dtype=torch.float64)
        return drawn.requires_grad_()

    def weights(is_last: bool) -> Weights:
        taps, conditioning, offset = normal(kernel, 8, 3), normal(8, 5), normal(2, 8)
        return Weights(taps, conditioning, offset, normal(6, 4), None if is_last else normal(3, 4))

    num_frames = -(-(length - (kernel - 1) * dilations[0]) // hop)
    layers = [weights(depth == len(dilations)) for depth in range(1, len(dilations) + 1)]
    return normal(length, 2, 3), normal(num_frames, 2, 5), normal(6), layers, dilations, hop


LAYERS = [
    (30, [1, 2, 4], 2, 5),
    (30, [3, 1], 3, 4),
    (20, [2, 3], 2, 1),  # conditioning at sample rate
    (9, [1, 2, 1], 2, 50),  # the window is shorter than a frame
    (12, [5], 2, 3),  # a single layer
]


@pytest.mark.parametrize("sizes", LAYERS)
def test_layers_and_their_gradient_are_the_paper_s(sizes):
    inputs = layers_inputs(*sizes)
    leaves = [*inputs[:3], *(each for layer in inputs[3] for each in layer if each is not None)]
    results = []
    for function in (gated_layers, plain_layers):
        output = function(*inputs)
        weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype)
        gradients = torch.autograd.grad((output.flatten() * weights).sum(), leaves)
        results.append([output, *gradients])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)


def test_no_activation_is_kept_where_no_gradient_is_wanted():
    decoder = wavenet()
    inputs = inputs_for(decoder)
    kept = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    for wanted in (True, False):
        kept.clear()
        with torch.set_grad_enabled(wanted), saved_tensors_hooks(keep, lambda tensor: tensor):
            decoder(*inputs)
        assert bool(kept) is wanted


def test_repeating_frames_has_the_sum_over_repeats_as_its_gradient():
    frames = torch.randn(5, 2, 3, dtype=torch.float64)
    gradient = torch.randn(11, 2, 3, dtype=torch.float64)
    held = repeat_frames(frames, hop=4, first=6, length=11)
    assert torch.equal(held[:2], frames[1:2].expand(2, -1, -1))
    assert torch.equal(held[2:6], frames[2:3].expand(4, -1, -1))
    transposed = repeat_frames_gradient(gradient, num_frames=5, hop=4, first=6)
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
        decoder.input.weight[15] = torch.nan  # a level that nothing else has
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


@pytest.mark.parametrize("mixed", [False, True])
def test_same_bits_each_time(mixed):
    decoder = wavenet(hop=3).float()
    samples, frames, speaker = inputs_for(decoder)
    results = []
    for _ in range(2):
        decoder.zero_grad()
        conditioning = frames.float().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            logits = decoder(samples, conditioning, speaker)
        logits.float().square().sum().backward()
        results.append([logits, conditioning.grad, *(each.grad for each in decoder.parameters())])
    assert all(torch.equal(*pair) for pair in zip(*results, strict=True))


def test_golden_logits():
    decoder = wavenet(hop=3).float()
    samples, frames, speaker = inputs_for(decoder)
    logits = decoder(samples, frames.float(), speaker)
    expected = torch.tensor(GOLDEN)
    torch.testing.assert_close(logits[0, :4, 0], expected, rtol=1e-4, atol=1e-5)


GOLDEN = [0.55662, 0.10906, 0.13066, 0.17165]
