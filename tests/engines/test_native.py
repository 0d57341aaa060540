"""The native engine: each path through the processor, precision, batch and number of threads."""

from __future__ import annotations

import logging

import pytest
import torch
from helpers.decoders import DECODERS
from helpers.native_decoders import CHANNELS, NUM_SAMPLES, decoder, needs, streams
from torch import Tensor

from wavenet_ae.decoders import WaveNet
from wavenet_ae.engines import ENGINES, NATIVE_ENGINES, Sampling, _say, make_engine, stream_uniforms
from wavenet_ae.engines.native import NotCompiled, compiler
from wavenet_ae.engines.native.library import PATHS, paths_here
from wavenet_ae.errors import UserError

# Largest divergence of an engine's distribution from that of the full convolution, in nats.
DIVERGENCE = {"native": 1e-9, "native_bf16": 1e-3, "native_int8": 1e-2}


def paths() -> list:
    """Each path takes some time to compile.  `long`: paths between the widest and the narrowest."""
    marks = {"avx512_bf16": [], "avx2": [pytest.mark.slow], "portable": [pytest.mark.slow]}
    return [pytest.param(path, marks=marks.get(path, [pytest.mark.long])) for path in PATHS]


def made(model: WaveNet, engine: str, batch: int = 2, count: int = NUM_SAMPLES, **how) -> Tensor:
    """Levels (B, T) that are drawn after the streams' histories."""
    sampling = Sampling(**{key: how.pop(key) for key in [*how] if key in SETTINGS})
    levels, conditioning, speaker = streams(model, batch, max(count, NUM_SAMPLES))
    history = levels[:, : model.chain.receptive_field]
    session = NATIVE_ENGINES[engine](model, **how).begin(history, conditioning, speaker)
    uniforms = torch.from_numpy(stream_uniforms(range(batch), 0, count))
    return session.generate(uniforms, sampling)


SETTINGS = ("temperature", "top_k", "top_p")


@pytest.mark.parametrize("engine", NATIVE_ENGINES)
@pytest.mark.parametrize("path", paths())
def test_stepping_is_the_full_convolution(path, engine):
    needs(path)
    cases = [(name, "few") for name in DECODERS] + [("three taps", each) for each in CHANNELS]
    for name, channels in [*cases, ("two taps", "odd"), ("two taps", "many")]:
        model = decoder(name, channels)
        for batch, threads in [(1, 1), (2, 2), (3, 1), (8, 3)]:
            levels, conditioning, speaker = streams(model, batch)
            field = model.chain.receptive_field
            with torch.no_grad():
                whole = model(levels[:, :-1], conditioning, speaker)  # (B, Q, T)
            native = NATIVE_ENGINES[engine](model, path, threads)
            stepped = native.begin(levels[:, :field], conditioning, speaker).score(
                levels[:, field:]
            )
            case = (name, channels, batch, threads)
            if engine == "native":
                assert (stepped - whole).abs().max() < 1e-4, case
            logs = [each.double().log_softmax(dim=1) for each in (whole, stepped)]
            divergence = (logs[0].exp() * (logs[0] - logs[1])).sum(dim=1).mean()
            assert divergence < DIVERGENCE[engine], case
            if engine != "native":
                assert divergence > 0, "it computes in the precision that it says"


@pytest.mark.parametrize("engine", NATIVE_ENGINES)
@pytest.mark.parametrize("path", paths())
def test_a_stream_is_the_same_bit_by_bit_in_any_batch_and_by_any_threads(path, engine):
    needs(path)
    for name, channels in (("two taps", "odd"), ("three taps", "few"), ("sample rate", "odd")):
        model = decoder(name, channels)
        levels, conditioning, speaker = streams(model, 8)
        field = model.chain.receptive_field

        def scored(
            first, stop, threads, model=model, field=field, given=(levels, conditioning, speaker)
        ):
            native = NATIVE_ENGINES[engine](model, path, threads)
            own, vectors, row = (each[first:stop] for each in given)
            return native.begin(own[:, :field], vectors, row).score(own[:, field:])

        together = scored(0, 8, 1)
        for first, stop, threads in [
            (0, 1, 1),
            (7, 8, 2),
            (2, 4, 2),
            (1, 4, 3),
            (3, 7, 2),
            (1, 8, 1),
        ]:
            assert torch.equal(scored(first, stop, threads), together[first:stop])
        assert torch.equal(
            made(model, engine, 8, path=path)[:2], made(model, engine, 2, path=path, threads=2)
        )


@pytest.mark.parametrize("engine", NATIVE_ENGINES)
@pytest.mark.parametrize("name", DECODERS)
def test_chunks_change_nothing(name, engine):
    needs("portable")
    model = decoder(name)
    levels, conditioning, speaker = streams(model, 2)
    field, sampling = model.chain.receptive_field, Sampling()
    uniforms = torch.from_numpy(stream_uniforms([0, 1], 0, NUM_SAMPLES))
    given = -(-field // model.conditioning_hop)
    native = NATIVE_ENGINES[engine](model)
    session = native.begin(levels[:, :field], conditioning[..., :given], speaker)
    parts, done = [], 0
    while done < NUM_SAMPLES:
        if not session.num_ready:
            session.extend(conditioning[..., given : given + 2])
            given += 2
        count = min(session.num_ready, 3, NUM_SAMPLES - done)
        parts.append(session.generate(uniforms[:, done : done + count], sampling))
        done += count
    at_once = made(model, engine)
    assert torch.equal(torch.cat(parts, dim=1), at_once)
    assert len(at_once.unique()) > 3


@pytest.mark.parametrize(
    "how",
    [
        dict(),
        dict(temperature=0.6),
        dict(temperature=0.0),
        dict(top_k=3),
        dict(top_k=1000),
        dict(top_p=0.6),
        dict(temperature=1.5, top_k=20, top_p=0.9),
    ],
)
def test_levels_are_drawn_as_torch_draws_them(how):
    """Generated levels, given back, are drawn from their logits again by the same numbers."""
    needs("portable")
    model = decoder("two taps", "odd")
    count = 400  # more than one call of C++
    drawn = made(model, "native", 2, count, **how)
    levels, conditioning, speaker = streams(model, 2, count)
    native = make_engine("native", model)
    history = levels[:, : model.chain.receptive_field]
    logits = native.begin(history, conditioning, speaker).score(drawn)  # (B, Q, n)
    uniforms = torch.from_numpy(stream_uniforms(range(2), 0, count))
    again = [
        model.output.sample(logits[..., t], uniforms[:, t], Sampling(**how)) for t in range(count)
    ]
    assert (torch.stack(again, dim=1) != drawn).sum() <= 1, "but for a rounding"
    assert len(drawn.unique()) > 3


def test_generating_and_scoring_go_on_from_each_other():
    needs("portable")
    model = decoder("two taps")
    levels, conditioning, speaker = streams(model, 2)
    field = model.chain.receptive_field
    native = make_engine("native", model)
    drawn = made(model, "native")
    session = native.begin(levels[:, :field], conditioning, speaker)
    session.score(drawn[:, :9])
    uniforms = torch.from_numpy(stream_uniforms(range(2), 0, NUM_SAMPLES))
    assert torch.equal(session.generate(uniforms[:, 9:], Sampling()), drawn[:, 9:])


def test_more_than_the_conditioning_reaches_is_refused():
    needs("portable")
    model = decoder("two taps")
    levels, conditioning, speaker = streams(model, 1)
    history = levels[:, : model.chain.receptive_field]
    session = make_engine("native", model).begin(history, conditioning, speaker)
    with pytest.raises(ValueError, match=f"{session.num_ready + 1} samples are requested"):
        session.generate(torch.zeros(1, session.num_ready + 1), Sampling())


def test_weights_are_those_of_when_the_engine_was_made():
    needs("portable")
    model = decoder("two taps")
    native = make_engine("native", model)
    before = made(model, "native")
    with torch.no_grad():
        model.head.weight.zero_()
    levels, conditioning, speaker = streams(model, 2)
    history = levels[:, : model.chain.receptive_field]
    uniforms = torch.from_numpy(stream_uniforms(range(2), 0, NUM_SAMPLES))
    session = native.begin(history, conditioning, speaker)
    assert torch.equal(session.generate(uniforms, Sampling()), before)


def test_a_decoder_in_another_precision_is_refused():
    needs("portable")
    model = decoder("two taps").double()
    for engine in NATIVE_ENGINES:
        with pytest.raises(
            UserError, match=r"cannot be used: .*float32, but .*float64; engine=auto"
        ):
            make_engine(engine, model)


def test_auto_takes_the_native_engine_and_says_why(caplog):
    path = needs("portable") and paths_here()[0]
    _say.cache_clear()
    with caplog.at_level(logging.INFO, logger="wavenet_ae.engines"):
        chosen = [make_engine("auto", decoder("two taps")) for _ in range(2)]
        other = make_engine("auto", decoder("two taps").double())
    assert {type(each) for each in chosen} == {NATIVE_ENGINES["native"]}
    assert type(other) is ENGINES["reference"]
    said, said_of_other = caplog.messages
    assert said.startswith(f"engine=auto uses native: the model is in float32 on a CPU.  {path}, ")
    assert said_of_other.startswith("engine=auto uses reference; native cannot be used: it needs")


def test_without_a_compiler_auto_takes_the_reference_and_says_so(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("WAVENET_AE_CACHE", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    paths_here.cache_clear()
    with caplog.at_level(logging.WARNING):
        engine = make_engine("auto", decoder("two taps"))
        make_engine("auto", decoder("two taps"))
    assert type(engine) is ENGINES["reference"]
    (notice,) = caplog.messages
    assert "uses reference" in notice and "no C++ compiler (c++, g++, clang++)" in notice
    with pytest.raises(NotCompiled, match="install one"):
        make_engine("native_int8", decoder("two taps"))
    paths_here.cache_clear()
    assert compiler.native_folder() == tmp_path / "native"
