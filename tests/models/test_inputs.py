"""`encode` and `decode`: codes, speakers and batches as callers give them, and the model's mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.configs import small

from wavenet_ae.engines import Sampling
from wavenet_ae.errors import ArgumentError, UserError
from wavenet_ae.models import SpeechModel, WaveformAutoencoder, build
from wavenet_ae.models.inputs import checked_codes, checked_samples, checked_speaker

STILL = Sampling(temperature=0)


def model(bottleneck: str) -> WaveformAutoencoder:
    torch.manual_seed(0)
    built = build(small(bottleneck), ["ann", "bob"]).eval()
    assert isinstance(built, WaveformAutoencoder)
    if built.bottleneck.codebook_size:
        built.bottleneck.is_quantizing.fill_(True)
    return built


@pytest.fixture(scope="module")
def vqvae():
    return model("vqvae")


@pytest.fixture(scope="module")
def rvq():
    return model("rvq")


@pytest.fixture(scope="module")
def ae():
    return model("ae")


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    return (3000 * np.random.default_rng(seed).standard_normal(num_samples)).astype(np.int16)


def test_what_is_no_recording_is_not_encoded(vqvae):
    with pytest.raises(ArgumentError, match=r"^waveform is int64 \(400,\)"):
        vqvae.encode(noise(400).astype(np.int64), 8000)
    for rate in (0, 8000.5, None, 2**31):
        with pytest.raises(ArgumentError, match=r"^rate is .* from 1000 to 768000"):
            vqvae.encode(noise(400), rate)
    with pytest.raises(ArgumentError, match=r"^waveform\[1\] is non-finite"):
        vqvae.encode([noise(400), np.full(400, np.nan)], 8000)


def test_a_batch_that_holds_itself_is_no_batch_of_anything(vqvae):
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(ArgumentError, match=r"^waveform\[0\] is "):
        vqvae.encode(cycle, 8000)
    with pytest.raises(ArgumentError, match=r"^codes\[0\] is "):
        vqvae.decode(cycle)


@pytest.mark.parametrize("engine", [["auto"], {}, None, 1])
def test_what_is_no_name_is_no_engine(vqvae, engine):
    with pytest.raises(UserError, match=r"^engine is .*there are auto"):
        vqvae.decode([1, 2], engine=engine)


@pytest.mark.parametrize("smoothing", [10**400, -1, float("nan"), True, None, "2"])
def test_what_is_no_price_is_refused(vqvae, smoothing):
    with pytest.raises(ArgumentError, match=r"^smoothing is .* a number of at least 0"):
        vqvae.encode(noise(400), 8000, smoothing)


def test_a_price_may_be_a_number_of_numpy(vqvae):
    right = vqvae.encode(noise(1600), 8000, 2.0)
    assert torch.equal(vqvae.encode(noise(1600), 8000, np.float32(2)), right)
    assert torch.equal(vqvae.encode(noise(1600), 8000, np.int64(2)), right)


def test_codes_do_not_depend_on_how_the_recording_is_held(vqvae):
    samples = noise(1600)
    right = vqvae.encode(samples, 8000)
    floats = torch.from_numpy(samples / np.float32(32768)).requires_grad_()
    for given in (samples.astype(">i2"), samples.astype(np.int32) << 16, floats, floats.tolist()):
        found = vqvae.encode(given, 8000)
        assert torch.equal(found, right) and not found.requires_grad


def test_a_model_has_its_own_rate_however_low():
    low = SpeechModel(900, ["ann"])
    assert checked_samples(low, noise(80), 900).shape == (80,)
    with pytest.raises(ArgumentError, match=r"rate is 799, .* from 900 to 768000"):
        checked_samples(low, noise(80), 799)


@pytest.mark.parametrize("kind", ["vqvae", "rvq", "ae"])
def test_a_batch_is_its_utterances_one_by_one(kind, request):
    built = request.getfixturevalue(kind)
    waveforms = [noise(900, 1), noise(161, 2).astype(np.float32) / 32768]
    codes = built.encode(waveforms, 8000)
    alone = [built.encode(each, 8000) for each in waveforms]
    assert all(torch.equal(*pair) for pair in zip(codes, alone, strict=True))
    sounds = built.decode(codes, ["ann", None], seed=3)
    for sound, each, speaker in zip(sounds, codes, ("ann", None), strict=True):
        assert np.array_equal(sound, built.decode(each, speaker, seed=3))
    of_one = built.decode([codes[1].numpy().tolist()], "bob")
    assert len(of_one) == 1 and np.array_equal(of_one[0], built.decode(codes[1], "bob"))


def test_codes_are_decoded_however_they_are_held(vqvae, rvq):
    codes = torch.tensor([3, 0, 7])
    right = vqvae.decode(codes, sampling=STILL)
    held = [codes.numpy(), codes.tolist(), tuple(codes), codes.int(), codes.byte(), range(3)]
    for given in held[:5]:
        assert np.array_equal(vqvae.decode(given, sampling=STILL), right)
    assert checked_codes(vqvae, held[5])["codes"].tolist() == [0, 1, 2]
    assert checked_codes(vqvae, codes.numpy().astype(">i8"))["codes"].tolist() == [3, 0, 7]
    rows = [[1, 2], [3, 4], [5, 6]]
    assert checked_codes(rvq, rows)["codes"].tolist() == rows
    assert np.array_equal(rvq.decode(rows), rvq.decode(torch.tensor(rows)))


def test_vectors_are_decoded_however_they_are_held(ae):
    vectors = ae.encode(noise(320), 8000)
    right = ae.decode(vectors, sampling=STILL)
    for given in (vectors.numpy().astype(">f8"), vectors.clone().requires_grad_()):
        assert np.array_equal(ae.decode(given, sampling=STILL), right)
    assert checked_codes(ae, vectors.bfloat16())["codes"].dtype == torch.float32


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("vqvae", [[[1, 2]]], r"codes\[0\] has the shape \(1, 2\)"),
        ("vqvae", np.array([[1, 2]]), r"codes has the shape \(1, 2\).*must be \(codes,\)"),
        ("vqvae", 3, r"codes has the shape \(\)"),
        ("vqvae", [0, 8], r"codes has the code 8, but this model's are 0 to 7"),
        ("vqvae", np.array([2**63 + 1], np.uint64), r"codes has the code 9223372036854775809"),
        ("vqvae", [[1], [-1]], r"codes\[1\] has the code -1"),
        ("vqvae", torch.tensor([1.0]), r"codes holds float32 \(1,\), but this model decodes codes"),
        ("vqvae", np.array([True]), r"codes holds bool"),
        ("vqvae", [], r"codes is empty"),
        ("vqvae", [None], r"codes is of type list, but a model decodes whole numbers"),
        ("vqvae", b"12", r"codes is bytes"),
        ("rvq", [1, 2], r"shape \(2,\), but this model has 3 codebooks"),
        ("ae", [1, 2], r"int64 \(2,\), but this model has no codes: it decodes vectors, float32"),
        ("ae", np.full((6, 2), np.inf), r"codes has vectors that are NaN or infinite"),
    ],
)
def test_what_cannot_be_a_models_codes_is_not_decoded(kind, given, expected, request):
    with pytest.raises(ArgumentError, match=expected):
        request.getfixturevalue(kind).decode(given)


def test_only_its_name_or_none_stands_for_the_unknown_speaker(vqvae):
    unknown = vqvae.decode([3, 0], sampling=STILL)
    assert np.array_equal(vqvae.decode([3, 0], "unknown", sampling=STILL), unknown)
    for speaker in ("anan", "", 0, True, b"ann", torch.tensor(0)):
        with pytest.raises(ArgumentError, match=r"^speaker is .*(It knows \w+, \w+|the name of a)"):
            vqvae.decode([3, 0], speaker)
    with pytest.raises(ArgumentError, match=r"speaker is \['ann'\], but there is one utterance"):
        vqvae.decode([3, 0], ["ann"])
    with pytest.raises(ArgumentError, match="speaker has 1 names, but there are 2 utterances"):
        vqvae.decode([[3], [0]], ["ann"])
    with pytest.raises(ArgumentError, match=r"speaker\[1\] is 'bop'.*It knows bob, ann"):
        vqvae.decode([[3], [0]], ["ann", "bop"])


def test_a_speaker_called_unknown_is_that_speaker():
    built = build(small("ae"), ["unknown"])
    assert checked_speaker(built, "unknown") == "unknown"
    assert checked_speaker(built, None) is None


@pytest.mark.parametrize("seed", [1.5, None, True, "1"])
def test_a_seed_is_a_whole_number(vqvae, seed):
    with pytest.raises(ArgumentError, match=r"seed is .* whole number"):
        vqvae.decode([1], seed=seed)


def test_names_of_speakers_stay_on_one_line_in_errors():
    built = build(small("ae"), ["two\nlines"])
    with pytest.raises(ArgumentError, match=r"^speaker is 'ann', .* It knows two\\nlines$"):
        checked_speaker(built, "ann")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"temperature": "1"}, "temperature is '1', but must be a number"),
        ({"temperature": float("nan")}, "temperature is nan, but"),
        ({"top_k": None}, "top_k is None, but must be a whole number"),
        ({"top_k": 1.5}, r"top_k is 1\.5, but"),
        ({"top_k": -1}, "top_k is -1, but"),
        ({"top_p": None}, "top_p is None, but must lie above 0"),
        ({"top_p": 1.1}, r"top_p is 1\.1, but"),
    ],
)
def test_settings_of_sampling_are_numbers_in_their_range(given, reason):
    with pytest.raises(ArgumentError, match=reason):
        Sampling(**given)


@pytest.mark.parametrize("sampling", [0.5, {"temperature": 0.5}])
def test_sampling_has_a_class_of_its_own(vqvae, sampling):
    with pytest.raises(ArgumentError, match=r"sampling is .*, but must be a Sampling, or None"):
        vqvae.decode([1], sampling=sampling)


@pytest.mark.parametrize("kind", ["vqvae", "ae"])
def test_training_mode_changes_neither_codes_nor_sound_nor_the_model(kind):
    """Running statistics stay, and each part has its own mode afterwards."""
    built = model(kind)
    codes = built.encode(noise(900), 8000)
    sound = built.decode(codes[..., :2], "ann")
    built.train()
    built.bottleneck.eval()
    before = {name: value.clone() for name, value in built.state_dict().items()}
    modes = [part.training for part in built.modules()]
    assert torch.equal(built.encode(noise(900), 8000), codes)
    assert np.array_equal(built.decode(codes[..., :2], "ann"), sound)
    with pytest.raises(ArgumentError):
        built.decode("nothing")
    assert [part.training for part in built.modules()] == modes and any(modes)
    assert all(torch.equal(value, before[name]) for name, value in built.state_dict().items())
