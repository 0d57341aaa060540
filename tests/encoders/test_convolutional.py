"""The convolutional encoder against its geometry."""

from __future__ import annotations

import pytest
import torch
from helpers.configs import small

from wavenet_ae.encoders import ConvolutionalEncoder, Encoder
from wavenet_ae.instantiate import instantiate


def encoder(**changes) -> ConvolutionalEncoder:
    torch.manual_seed(0)
    config = small(encoder=changes)["encoder"]
    return instantiate(config, Encoder, sample_rate=8000).double().eval()


def speech(length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(1, length, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_each_latent_reads_what_the_chain_says(shortcut, batch_norm):
    model = encoder(shortcut=shortcut, batch_norm=batch_norm)
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
