"""`wavenet-ae receptive-field` of a configuration and of a checkpoint."""

from __future__ import annotations

from functools import wraps

import pytest
from helpers.composed import compose

from wavenet_ae.cli.receptive_field import ranges, run
from wavenet_ae.encoders import ConvolutionalEncoder
from wavenet_ae.errors import UserError


def shown(*overrides: str, given: tuple[str, ...] = ()) -> None:
    run(compose(*overrides, config_name="receptive_field"), given)


HOLES = ["encoder.pre_kernel=1", "encoder.stride=1", "encoder.num_blocks=1"]


def test_it_prints_the_exact_set_and_writes_the_plot(tmp_path, capsys):
    out = tmp_path / "field.png"
    stacks = "encoder.stacks=[{kernel: 3, dilations: 3}]"
    shown("encoder=causal", "encoder.hidden=8", *HOLES, stacks, f"out={out}")
    printed = capsys.readouterr().out
    assert "latents: 3 frames, -6, -3, 0\n" in printed
    assert "samples -579.5 to +99.5 of its anchor: 85.0 ms; lookahead 0 frames, 12.4 ms" in printed
    assert "a NaN in any of them spoils it; the gradient reaches 3 of them, and no other" in printed
    assert f"written: {out}" in printed and out.stat().st_size > 1000


@pytest.mark.parametrize("encoder", ["mfcc", "mel", "units", "waveform", "identity"])
def test_it_works_for_the_other_encoders(encoder, tmp_path, capsys):
    shown(f"encoder={encoder}", f"out={tmp_path / 'field.pdf'}")
    printed = capsys.readouterr().out
    assert "spoils it" in printed and "and no other" in printed and "ALSO" not in printed


@pytest.mark.parametrize(
    ("settings", "given", "problem"),
    [
        (["out=field.svg"], (), r"out is 'field.svg', but must end in .png, .pdf or .jpg"),
        (["model=wavenet"], (), "WaveNetLanguageModel has no encoder: choose a model that has"),
        (["checkpoint=a.ckpt"], ("encoder=mel",), "encoder=mel is not read with checkpoint="),
        (["encoder=causal", "encoder/features=mfcc"], (), "cannot be built: .* deltas of MFCC"),
        (["checkpoint=a.ckpt"], (), "a.ckpt"),
    ],
)
def test_what_it_cannot_show_ends_with_a_sentence(settings, given, problem):
    with pytest.raises(UserError, match=problem):
        shown(*settings, given=given)


def test_a_wrong_geometry_is_an_error(tmp_path, monkeypatch):
    """A chain that says less than the layers read."""
    init = ConvolutionalEncoder.__init__

    @wraps(init)
    def wrong(self, *arguments, **settings):
        init(self, *arguments, **settings)
        self.blocks[0].convolution.dilation = (2,)

    monkeypatch.setattr(ConvolutionalEncoder, "__init__", wrong)
    with pytest.raises(UserError, match="latents and vectors were measured to read other frames"):
        shown("encoder=units", f"out={tmp_path / 'a.png'}")


def test_frames_are_written_as_ranges():
    assert ranges(frozenset({-11, -10, -9, -6, 0})) == "-11 to -9, -6, 0"
