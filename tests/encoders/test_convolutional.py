"""The convolutional encoder against its geometry."""

from __future__ import annotations

import pytest
import torch
from helpers.configs import small

from wavenet_ae.encoders import ConvolutionalEncoder, Encoder
from wavenet_ae.geometry import Chain
from wavenet_ae.instantiate import instantiate
from wavenet_ae.nn.normalization import LayerNorm


def encoder(**changes) -> ConvolutionalEncoder:
    torch.manual_seed(0)
    config = small(encoder=changes)["encoder"]
    return instantiate(config, Encoder, sample_rate=8000).double().eval()


def speech(length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(1, length, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_each_latent_reads_what_the_chain_says(shortcut, norm):
    model = encoder(shortcut=shortcut, norm=norm)
    if shortcut:  # its stack contributes nothing yet: let it
        torch.nn.init.normal_(model.shortcut.stack_out.weight)
    waveform = speech(2600)
    length = model.chain.output_length(2600)
    assert model(waveform).shape == (1, model.dim, length)
    for sample in range(0, 2600, 97):
        holed = waveform.clone()
        holed[0, sample] = torch.nan
        affected = model(holed)[0].isnan().any(dim=0)
        expected = [sample in model.chain.input_range(range(j, j + 1)) for j in range(length)]
        assert affected.tolist() == expected, sample


@pytest.mark.parametrize("kernels, strides", [([3, 4, 1], [1, 2, 1]), ([3, 3, 3], [1, 2, 1])])
def test_shortcut_starts_as_a_linear_map_of_the_center_frames(kernels, strides):
    model = encoder(kernels=kernels, strides=strides)
    waveform = speech(2600)
    frames = model.features(waveform)
    windows = frames.unfold(2, model.shortcut.kernel, 2)[:, :, model.shortcut.margin // 2 :]
    frames = frames[..., model.shortcut.margin :].unfold(2, model.shortcut.kernel, 2)
    latents = model(waveform)
    linear = torch.einsum("bfnk,dfk->bdn", frames, model.shortcut.linear.weight)
    linear = linear[..., : latents.shape[-1]] + model.shortcut.linear.bias[:, None]
    torch.testing.assert_close(latents, linear)
    # centered on the same instant as the stack: as many frames on either side
    before = model.shortcut.margin
    reads = model.chain.receptive_field - model.features.chain.receptive_field
    frames_read = reads // 80 + 1
    assert frames_read - before - model.shortcut.kernel == before
    assert windows.shape[2] > 0


def test_sizes_must_pair():
    with pytest.raises(ValueError, match="2 strides but 3 kernels"):
        encoder(strides=[1, 2])


def test_every_convolution_has_a_dilation():
    with pytest.raises(ValueError, match="2 dilations but 3 kernels"):
        encoder(dilations=[1, 2])


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_each_latent_reads_the_taps_of_a_dilated_filter(norm):
    """The taps alone, not what lies between them: the frames, without the overlap of windows."""
    model = encoder(kernels=[4, 3, 3], strides=[2, 1, 1], dilations=[1, 2, 4], norm=norm)
    frames = torch.randn(1, model.features.dim, 60, dtype=torch.float64)
    stack = Chain(model.chain.layers[len(model.features.chain.layers) :])
    model.shortcut = None
    for frame in range(60):
        holed = frames.clone()
        holed[0, :, frame] = torch.nan
        hook = model.features.register_forward_hook(lambda *_, holed=holed: holed)
        affected = model(speech(2600))[0].isnan().any(dim=0).tolist()
        hook.remove()
        reads = [stack.inputs_read(j) for j in range(stack.output_length(60))]
        # A residual connection reads the center of its block's input, which dilated filters of
        # three taps read too.
        assert affected == [frame in each for each in reads], frame


def test_layer_normalization_gives_each_position_mean_0_and_deviation_1():
    hidden = 5 + 3 * torch.randn(2, 8, 7)
    normal = LayerNorm(8)(hidden)
    assert normal.shape == hidden.shape
    torch.testing.assert_close(normal.mean(dim=1), torch.zeros(2, 7), atol=1e-5, rtol=0)
    torch.testing.assert_close(normal.std(dim=1, correction=0), torch.ones(2, 7), atol=1e-3, rtol=0)
