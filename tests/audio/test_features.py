"""Features against torchaudio, numpy and their geometry."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchaudio

from wavenet_ae.audio.features import MFCC, crop, regression_deltas


def speech(batch: int = 2, length: int = 4000) -> torch.Tensor:
    return 0.1 * torch.randn(batch, length, generator=torch.Generator().manual_seed(0))


def features(**settings) -> MFCC:
    return MFCC(8000, num_mels=26, **settings)


def test_static_coefficients_are_torchaudio_s():
    mine = features()(speech())
    options = dict(n_fft=200, win_length=200, hop_length=80, n_mels=26, f_min=20, center=False)
    theirs = torchaudio.transforms.MFCC(8000, 13, log_mels=True, melkwargs=options)(speech())
    assert mine.shape == (2, 39, theirs.shape[-1] - 8)
    torch.testing.assert_close(mine[:, :13], theirs[..., 4:-4])


def test_deltas_are_slopes():
    line = 3.0 * torch.arange(12.0).expand(1, 2, -1)
    torch.testing.assert_close(regression_deltas(line, 2), torch.full((1, 2, 8), 3.0))
    frames = torch.randn(1, 1, 9, dtype=torch.float64)
    fit = np.polyfit(np.arange(-2, 3), frames[0, 0, 2:7].numpy(), 1)[0]
    assert regression_deltas(frames, 2)[0, 0, 2].item() == pytest.approx(fit)


def test_each_frame_reads_what_its_chain_says():
    mfcc = features().double()
    waveform = speech(1, 1500).double()
    length = mfcc.chain.output_length(1500)
    assert mfcc(waveform).shape[-1] == length
    for sample in range(0, 1500, 37):
        holed = waveform.clone()
        holed[0, sample] = torch.nan
        affected = mfcc(holed)[0].isnan().any(dim=0)
        expected = [sample in mfcc.chain.input_range(range(j, j + 1)) for j in range(length)]
        assert affected.tolist() == expected, sample


def test_items_do_not_read_each_other():
    """torchaudio's default log takes its floor from the maximum over the batch."""
    quiet = speech(1) * 1e-4
    together = features()(torch.cat([quiet, speech(1)]))[:1]
    torch.testing.assert_close(together, features()(quiet))


def test_fit_standardizes():
    mfcc = features()
    batches = [speech(3), 0.3 * speech(2)]
    mfcc.fit(batches)
    frames = torch.cat([mfcc(batch).transpose(0, 1).flatten(1) for batch in batches], dim=1)
    torch.testing.assert_close(frames.mean(dim=1), torch.zeros(39), rtol=0, atol=1e-3)
    torch.testing.assert_close(frames.std(dim=1), torch.ones(39), rtol=0, atol=1e-2)
    with pytest.raises(ValueError, match="fewer than two frames"):
        mfcc.fit([])


def test_silence_is_finite_and_autocast_changes_nothing():
    assert features()(torch.zeros(1, 2000)).isfinite().all()
    plain = features()(speech())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(features()(speech()), plain)


def test_crop_takes_the_middle():
    frames = torch.arange(7.0)[None, None]
    assert crop(frames, 3).tolist() == [[[2, 3, 4]]]
    assert crop(frames, 4).tolist() == [[[1, 2, 3, 4]]]
