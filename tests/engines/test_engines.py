"""The contract of every engine: stepping is the full convolution, whatever the batch and chunks."""

from __future__ import annotations

import pytest
import torch
from helpers.decoders import DECODERS
from torch import Tensor

from wavenet_ae.decoders import WaveNet
from wavenet_ae.engines import ENGINES, Sampling, make_engine, stream_uniforms
from wavenet_ae.errors import UserError

DTYPES = {torch.float64: 1e-10, torch.float32: 1e-4}
NUM_SAMPLES = 40


def devices() -> list:
    on_gpu = pytest.param("cuda", marks=pytest.mark.gpu)
    return ["cpu", on_gpu]


def engines(device: str) -> list[str]:
    return [name for name in ENGINES if name != "cuda_graph" or device == "cuda"]


def decoder(name: str, dtype: torch.dtype = torch.float32, device: str = "cpu") -> WaveNet:
    torch.manual_seed(0)
    sizes = dict(residual=7, gate=5, skip=9, post=11, speaker_dim=3, levels=32)
    conditioning_dim = 0 if name == "no conditioning" else 6
    model = WaveNet(conditioning_dim, num_speakers=3, **sizes, **DECODERS[name])
    return model.to(device, dtype).eval()


def streams(model: WaveNet, batch: int, num_samples: int = NUM_SAMPLES) -> tuple[Tensor, ...]:
    """Levels (B, R + T), conditioning (B, C, M) and speakers (B,), the same for any batch size."""
    generator = torch.Generator().manual_seed(1)
    field = model.chain.receptive_field
    levels = torch.randint(32, (8, field + num_samples), generator=generator)
    num_vectors = -(-(field + num_samples) // model.conditioning_hop)
    conditioning = torch.randn(
        8, model.layers[0].conditioning.in_features, num_vectors, generator=generator
    )
    speaker = torch.arange(8) % 3
    like = model.input.weight
    return (
        levels[:batch].to(like.device),
        conditioning[:batch].to(like),
        speaker[:batch].to(like.device),
    )


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [1, 2, 8])
@pytest.mark.parametrize("name", DECODERS)
def test_stepping_is_the_full_convolution(name, batch, dtype, device):
    model = decoder(name, dtype, device)
    levels, conditioning, speaker = streams(model, batch)
    field = model.chain.receptive_field
    with torch.no_grad():
        whole = model(levels[:, :-1], conditioning, speaker)  # (B, Q, T)
    for engine in engines(device):
        session = make_engine(engine, model).begin(levels[:, :field], conditioning, speaker)
        stepped = session.score(levels[:, field:])
        assert (stepped - whole).abs().max() < DTYPES[dtype], engine


@pytest.mark.parametrize("name", DECODERS)
def test_chunks_of_conditioning_and_of_samples_change_nothing(name):
    model = decoder(name)
    levels, conditioning, speaker = streams(model, 2)
    field, sampling = model.chain.receptive_field, Sampling()
    uniforms = torch.from_numpy(stream_uniforms([5, 6], 0, NUM_SAMPLES))
    engine = make_engine("reference", model)
    at_once = engine.begin(levels[:, :field], conditioning, speaker).generate(uniforms, sampling)
    given = -(-field // model.conditioning_hop)
    session = engine.begin(levels[:, :field], conditioning[..., :given], speaker)
    parts, done = [], 0
    while done < NUM_SAMPLES:
        if not session.num_ready:
            session.extend(conditioning[..., given : given + 2])
            given += 2
        count = min(session.num_ready, 3, NUM_SAMPLES - done)
        parts.append(session.generate(uniforms[:, done : done + count], sampling))
        done += count
    assert torch.equal(torch.cat(parts, dim=1), at_once)
    assert len(at_once.unique()) > 3


@pytest.mark.parametrize("device", devices())
def test_a_stream_is_the_same_in_any_batch(device):
    model = decoder("two taps", torch.float64, device)
    levels, conditioning, speaker = streams(model, 8)
    history = levels[:, : model.chain.receptive_field]
    uniforms = torch.from_numpy(stream_uniforms(range(8), 0, NUM_SAMPLES)).to(device)
    for name in engines(device):
        engine = make_engine(name, model)
        together = engine.begin(history, conditioning, speaker).generate(uniforms, Sampling())
        for row in (0, 7):
            own = slice(row, row + 1)
            session = engine.begin(history[own], conditioning[own], speaker[own])
            alone = session.generate(uniforms[own], Sampling())
            assert torch.equal(alone, together[own]), (name, row)


def test_a_sample_is_drawn_from_what_was_drawn_before():
    """Generated levels, given to the full convolution, are drawn by the same numbers again."""
    model = decoder("two taps", torch.float64)
    levels, conditioning, speaker = streams(model, 2)
    history = levels[:, : model.chain.receptive_field]
    uniforms = torch.from_numpy(stream_uniforms([1, 2], 0, NUM_SAMPLES))
    session = make_engine("reference", model).begin(history, conditioning, speaker)
    drawn = session.generate(uniforms, Sampling())
    with torch.no_grad():
        whole = model(torch.cat([history, drawn[:, :-1]], dim=1), conditioning, speaker)
    again = [
        model.output.sample(whole[..., t], uniforms[:, t], Sampling()) for t in range(NUM_SAMPLES)
    ]
    assert torch.equal(torch.stack(again, dim=1), drawn)


def test_bfloat16_stays_close():
    exact = decoder("two taps")
    levels, conditioning, speaker = streams(exact, 2)
    rough = decoder("two taps", torch.bfloat16)
    field = exact.chain.receptive_field
    logs = []
    for model in (exact, rough):
        session = make_engine("reference", model).begin(
            levels[:, :field], conditioning.to(model.input.weight), speaker
        )
        logs.append(session.score(levels[:, field:]).double().log_softmax(dim=1))
    divergence = (logs[0].exp() * (logs[0] - logs[1])).sum(dim=1).mean()
    assert 0 < divergence < 2e-3, "nats"


def test_more_than_the_conditioning_reaches_is_refused():
    model = decoder("two taps")
    levels, conditioning, speaker = streams(model, 1)
    session = make_engine("reference", model).begin(
        levels[:, : model.chain.receptive_field], conditioning, speaker
    )
    with pytest.raises(ValueError, match=f"{session.num_ready + 1} samples are requested"):
        session.generate(torch.zeros(1, session.num_ready + 1), Sampling())


def test_a_wrong_engine_is_named():
    with pytest.raises(UserError, match=r"engine is 'cuda'.*auto, reference, cuda_graph"):
        make_engine("cuda", decoder("two taps"))
    with pytest.raises(
        UserError, match=r"cuda_graph cannot be used: it needs a CUDA device, but .*cpu"
    ):
        make_engine("cuda_graph", decoder("two taps").cpu())
