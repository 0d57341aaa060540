"""The causal encoder against its geometry: exact sets of frames, windows and streams."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from helpers.configs import ENCODERS

from wavenet_ae.encoders import CausalEncoder, Encoder
from wavenet_ae.errors import UserError
from wavenet_ae.instantiate import instantiate
from wavenet_ae.metrics.frames_read import gradient_of, readers_by_nan, run_layers

RATE = 8000


def encoder(seed: int = 0, **changes: Any) -> CausalEncoder:
    torch.manual_seed(seed)
    made = instantiate({**ENCODERS["causal"], **changes}, Encoder, sample_rate=RATE)
    assert isinstance(made, CausalEncoder)
    return made.double().eval()


def random_settings(seed: int) -> dict[str, Any]:
    """Kernels 2 to 5, dilations 1 to 8, 1 to 4 stacks, with and without strides."""
    generator = random.Random(seed)
    num_blocks, stride = generator.randint(1, 3), generator.randint(1, 3)

    def stack() -> dict[str, Any]:
        return {
            "kernel": [generator.randint(2, 5) for _ in range(num_blocks)],
            "dilations": [generator.randint(1, 8) for _ in range(num_blocks)],
        }

    return {
        "dim": 12,
        "hidden": 8,
        "pre_kernel": generator.randint(stride, 4),
        "stride": stride,
        "num_blocks": num_blocks,
        "stacks": [stack() for _ in range(generator.randint(1, 4))],
        "combine": generator.choice(["add", "concat"]),
        "combine_every_layer": generator.random() < 0.5,
        "norm": generator.choice(["none", "layer"]),
        "features": {"_target_": "wavenet_ae.audio.features.LogMel", "num_mels": 5},
    }


def frames_for(model: CausalEncoder, num_outputs: int, batch: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (batch, model.features.dim, model.frame_chain.input_length(num_outputs))
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def sets_read(marks: torch.Tensor) -> list[frozenset[int]]:
    """Returns the set of frames that are true in each row of (N, F) bool."""
    return [frozenset(row.nonzero()[:, 0].tolist()) for row in marks]


def require_certified(model: CausalEncoder, device: str = "cpu", num_outputs: int = 4) -> None:
    """Asserts that NaN and gradient find the frames that the geometry predicts of each output."""
    chain, layers = model.frame_chain, lambda frames: run_layers(model, frames)
    frames = frames_for(model, num_outputs, batch=8).to(device)
    predicted = [chain.inputs_read(output) for output in range(num_outputs)]
    assert sets_read(readers_by_nan(layers, frames[:1])) == predicted
    by_gradient = [gradient_of(layers, frames, j).sum(dim=0) != 0 for j in range(num_outputs)]
    assert sets_read(torch.stack(by_gradient)) == predicted


@pytest.mark.parametrize("seed", range(50))
def test_each_latent_reads_exactly_the_frames_of_its_geometry(seed):
    model = encoder(seed, **random_settings(seed))
    assert model.frame_chain.lookahead == 0
    require_certified(model)


@pytest.mark.gpu
@pytest.mark.parametrize("is_deterministic", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_it_does_on_a_gpu_in_each_mode_of_cudnn(seed, is_deterministic):
    flags = torch.backends.cudnn.flags(
        enabled=True, benchmark=not is_deterministic, deterministic=is_deterministic
    )
    with flags:
        require_certified(encoder(seed, **random_settings(seed)).to("cuda"), "cuda")


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_of_one_frame_is_caught(seed):
    model = encoder(seed, **random_settings(seed))

    def leak(_module, inputs):
        frames, *others = inputs
        return (frames + 0.01 * frames.roll(-1, dims=-1), *others)  # each reads the next one too

    require_certified(model)
    handle = model.stacks.register_forward_pre_hook(leak)
    with pytest.raises(AssertionError):
        require_certified(model)
    handle.remove()


def test_two_stacks_fill_the_holes_of_each_other():
    holes = {"kernel": 3, "dilations": 3}
    alone = encoder(pre_kernel=1, stride=1, num_blocks=1, stacks=[holes])
    assert alone.frame_chain.inputs_read(0) == {0, 3, 6}
    both = encoder(pre_kernel=1, stride=1, num_blocks=1, stacks=[holes, {**holes, "dilations": 2}])
    assert both.frame_chain.inputs_read(0) == {0, 2, 3, 4, 6}
    assert both.frame_chain.input_range(range(1)) == range(7)


def test_blocks_that_read_all_stacks_read_more_frames():
    stacks = [{"kernel": 2, "dilations": [1, 4]}, {"kernel": 2, "dilations": [4, 1]}]
    sizes = {"pre_kernel": 1, "stride": 1, "num_blocks": 2, "stacks": stacks}
    last, every = encoder(**sizes), encoder(**sizes, combine_every_layer=True)
    assert last.frame_chain.inputs_read(0) == {0, 1, 4, 5}
    assert every.frame_chain.inputs_read(0) == {0, 3, 4, 6, 7, 8}  # ends 3 frames later


def test_a_latent_looks_ahead_by_half_of_its_own_frame_alone():
    model = encoder()
    assert model.frame_chain.lookahead == 0
    assert model.chain.lookahead == model.features.chain.lookahead == (200 - 1) / 2


@pytest.mark.parametrize("seed", range(8))
def test_a_window_gives_the_latents_of_the_whole_recording(seed):
    model = encoder(seed, **random_settings(seed))
    waveform = 0.1 * torch.randn(2, model.chain.input_length(12), dtype=torch.float64)
    whole, chosen = model(waveform), range(4, 9)
    reads = model.chain.input_range(chosen)
    window = model(waveform[:, reads.start : reads.stop])
    torch.testing.assert_close(window, whole[..., 4:9], rtol=0, atol=1e-9)


@pytest.mark.parametrize("piece", ["frame", "odd", "second"])
@pytest.mark.parametrize("seed", range(8))
def test_a_stream_gives_the_latents_of_the_whole_recording(seed, piece):
    model = encoder(seed, **random_settings(seed)).float()
    waveform = 0.1 * torch.randn(2, model.chain.input_length(9) + 37)
    size = {"frame": int(model.features.chain.grid().spacing), "odd": 61, "second": RATE}[piece]
    latents, state = [], None
    with torch.no_grad():
        for samples in waveform.split(size, dim=1):
            made, state = model.step(samples, state)
            latents.append(made)
        whole = model(waveform)
    assert torch.cat(latents, dim=-1).shape == whole.shape
    torch.testing.assert_close(torch.cat(latents, dim=-1), whole, rtol=0, atol=1e-5)


def test_the_state_of_a_stream_does_not_grow():
    model, sizes = encoder(), []
    state = None
    for _ in range(60):
        _, state = model.step(torch.zeros(1, 80, dtype=torch.float64), state)
        blocks = [each for row in state.layers.blocks for each in row]
        held = [state.samples, state.layers.frames, *blocks]
        sizes.append(sum(each.numel() for each in held))
    assert max(sizes[30:40]) == max(sizes[50:]) > 0


def test_training_gives_the_latents_of_evaluation():
    """No statistic of a window is read, which would tell of the future."""
    model = encoder(norm="layer")
    waveform = 0.1 * torch.randn(2, 4000, dtype=torch.float64)
    torch.testing.assert_close(model.train()(waveform), model.eval()(waveform), rtol=0, atol=0)


MFCC = {"_target_": "wavenet_ae.audio.features.MFCC", "num_mels": 26}
MEL = ENCODERS["causal"]["features"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"features": MFCC}, "deltas of MFCC read 4 frames ahead: set .*delta_half_width=null"),
        (
            {"features": {**MEL, "normalization": "utterance"}},
            "features.normalization=utterance subtracts a mean over whole recordings",
        ),
        (
            {
                "perturbation": {
                    "_target_": "wavenet_ae.audio.perturbation.Perturbation",
                    "noise_snr_db": [0, 20],
                }
            },
            "perturbation.noise_snr_db sets the noise by the energy of the whole window",
        ),
        ({"stride": 5}, "stride is 5, but encoder.pre_kernel 4: .* set encoder.pre_kernel=5"),
        ({"stacks": []}, r"encoder.stacks is empty: set at least one"),
        (
            {"stacks": [{"kernel": 3, "dilations": [1, 2, 4]}]},
            r"stacks\[0\].dilations is \[1, 2, 4\], but there are 2 blocks: .*num_blocks=3",
        ),
        ({"dim": 9, "combine": "concat"}, "dim=9 is not divisible by the 2 stacks: .*dim=10"),
    ],
)
def test_what_cannot_be_causal_or_does_not_fit_is_named(changes, problem):
    with pytest.raises(ValueError, match=problem):
        encoder(**changes)


@pytest.mark.parametrize(
    ("stack", "problem"),
    [
        ({"kernal": 3}, r"encoder.stacks\[0\].kernal is not known. Did you mean 'kernel'"),
        ({"dilations": [0, 1]}, r"encoder.stacks\[0\].dilations is \[0, 1\], but must be"),
    ],
)
def test_a_stack_has_the_keys_of_a_stack(stack, problem):
    with pytest.raises(UserError, match=problem):
        encoder(stacks=[stack])


def test_static_mfcc_are_causal():
    model = encoder(features={**MFCC, "delta_half_width": None})
    assert model.features.dim == 13 and model.frame_chain.lookahead == 0
    waveform = 0.1 * torch.randn(1, 2600, dtype=torch.float64)
    assert model(waveform).shape[-1] == model.chain.output_length(2600)


def test_a_waveform_shorter_than_a_latent_is_refused():
    model = encoder()
    least = model.chain.input_length(1)
    with pytest.raises(ValueError, match=f"reads {least} samples, .* has {least - 1}: give at"):
        model(torch.zeros(1, least - 1, dtype=torch.float64))
    assert model(torch.zeros(1, least, dtype=torch.float64)).shape[-1] == 1
