"""Tasks from settings to files: what is made, what of it stays, what is refused."""

from __future__ import annotations

import logging
import re
from hashlib import sha256

import numpy as np
import pytest
import yaml
from helpers.small_models import card, checkpoint, contents, made, noise, recordings, sound

from wavenet_ae.engines import Sampling, make_engine
from wavenet_ae.errors import UserError
from wavenet_ae.generation.generator import Request, UtteranceGenerator, in_batches
from wavenet_ae.generation.recordings import Recordings
from wavenet_ae.generation.result_store import ResultStore
from wavenet_ae.loading import load, load_with_fingerprint
from wavenet_ae.progress import AudioProgress

LENGTHS = {"ann/a.wav": 330, "bob/b.wav": 500, "eve/c.wav": 160, "one.wav": 1}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return recordings(tmp_path_factory.mktemp("recordings"), LENGTHS)


@pytest.fixture(scope="module")
def reconstructed(model, source, tmp_path_factory):
    out = tmp_path_factory.mktemp("reconstructed")
    assert made(checkpoint=model, input=source, out=out, batch_size=3) == 0
    return out


def test_a_reconstruction_is_as_long_as_its_recording(reconstructed, model):
    for name, length in LENGTHS.items():
        assert len(sound(reconstructed / name)) == length
        assert card((reconstructed / name).with_suffix(".json"))["audio_seconds"] == length / 8000
    assert len(contents(reconstructed)) == 2 * len(LENGTHS)


def test_provenance_has_all_that_reproduces_a_result(reconstructed, model, source):
    written = card(reconstructed / "ann" / "a.json")
    expected = {
        "task": "reconstruct",
        "model_fingerprint": load_with_fingerprint(model)[1],
        "checkpoint": str(model),
        "origin": str(source / "ann" / "a.wav"),
        "input_sha256": sha256((source / "ann" / "a.wav").read_bytes()).hexdigest(),
        "speaker": "ann",
        **dict(temperature=1, top_k=0, top_p=1, seed=1, batch_size=3),
        "engine": make_engine("auto", load(model).decoder).name,
    }
    assert {key: written[key] for key in expected} == expected
    assert written["versions"].keys() >= {"torch", "numpy", "soundfile"} and written["python"]
    assert written["command"] and written["seconds_taken"] > 0 and written["times_real_time"] > 0
    assert card(reconstructed / "eve" / "c.json")["speaker"] is None


def test_a_reconstruction_equals_the_model_s_own_encode_and_decode(reconstructed, model, source):
    """Alone, by the model's own methods, with the stream's seed."""
    loaded = load(model)
    codes = loaded.encode(noise(330), 8000)
    still = dict(temperature=0)
    out = reconstructed.parent / "still"
    assert made(checkpoint=model, input=source, out=out, **still) == 0
    decoded = loaded.decode(codes, "ann", Sampling(**still))
    assert np.array_equal(sound(out / "ann" / "a.wav"), decoded[:330])


def test_a_conversion_to_the_own_speaker_is_the_reconstruction(
    model, source, reconstructed, tmp_path, caplog
):
    """A conversion to the own speaker is the reconstruction; unknown speakers are logged once."""
    caplog.set_level(logging.INFO)
    given = dict(checkpoint=model, input=source, batch_size=3)
    assert made(task="convert", speaker="ann", out=tmp_path / "ann", **given) == 0
    own, other = ("ann/a.wav", "bob/b.wav")
    assert np.array_equal(sound(tmp_path / "ann" / own), sound(reconstructed / own))
    assert not np.array_equal(sound(tmp_path / "ann" / other), sound(reconstructed / other))
    assert "does not know" not in caplog.text
    assert made(out=tmp_path / "own", **given) == 0
    assert caplog.text.count("uses the unknown-speaker embedding: eve\n") == 1
    assert made(task="convert", speaker="unknown", out=tmp_path / "unknown", **given) == 0
    assert card(tmp_path / "unknown" / "ann" / "a.json")["speaker"] is None
    assert np.array_equal(sound(tmp_path / "unknown/eve/c.wav"), sound(reconstructed / "eve/c.wav"))
    for task, of in (("convert", {"input": source}), ("decode", {"codes": source})):
        with pytest.raises(UserError, match=r"speaker is 'bop'.*It knows bob, ann$"):
            made(task=task, speaker="bop", checkpoint=model, out=tmp_path / "none", **of)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("codes", ["", "units.tsv", "bob/b.npy"])
def test_decoded_codes_equal_the_conversion_of_their_recordings(
    model, source, reconstructed, tmp_path, codes
):
    assert made(task="encode", checkpoint=model, input=source, out=tmp_path / "codes") == 0
    given = dict(checkpoint=model, codes=tmp_path / "codes" / codes, temperature=0)
    assert made(task="decode", speaker="bob", out=tmp_path / "out", **given) == 0
    assert made(
        task="convert", speaker="bob", checkpoint=model, input=source, temperature=0,
        out=tmp_path / "converted",
    ) == 0  # fmt: skip
    name = "b.wav" if codes.endswith(".npy") else "bob/b.wav"
    decoded = sound(tmp_path / "out" / name)
    assert len(decoded) == 640  # whole codes
    assert np.array_equal(decoded[:500], sound(tmp_path / "converted" / "bob" / "b.wav"))


def test_a_model_without_codes_generates_unconditional_samples(tmp_path):
    path = checkpoint(tmp_path, "wavenet")
    given = dict(task="sample", checkpoint=path, seconds=0.05, num_samples=3)
    assert made(out=tmp_path / "any", **given) == 0
    assert made(out=tmp_path / "ann", speaker="ann", format="flac", **given) == 0
    names = [f"sample-000{number}" for number in (1, 2, 3)]
    sounds = [sound(tmp_path / "any" / f"{name}.wav") for name in names]
    assert all(len(each) == 400 for each in sounds)
    assert not np.array_equal(sounds[0], sounds[1])
    assert not np.array_equal(sounds[0], sound(tmp_path / "ann" / f"{names[0]}.flac"))
    assert card(tmp_path / "any" / f"{names[0]}.json")["seconds"] == 0.05


def test_tasks_that_do_not_fit_the_model(model, source, tmp_path):
    language_model = checkpoint(tmp_path, "wavenet")
    unconditioned = checkpoint(tmp_path / "unconditioned", "wavenet", speaker_conditioning=False)
    with pytest.raises(UserError, match="'sample', but this model generates from codes"):
        made(task="sample", checkpoint=model)
    for task in ("reconstruct", "encode"):
        with pytest.raises(UserError, match=f"'{task}'.*no codes: choose task=sample"):
            made(task=task, checkpoint=language_model, input=source)
    with pytest.raises(UserError, match="trained without speakers"):
        made(task="sample", checkpoint=unconditioned, speaker="ann")
    with pytest.raises(UserError, match="engine is 'fast'; there are auto"):
        made(task="sample", checkpoint=language_model, engine="fast")


def test_existing_results_are_not_generated_again(model, source, reconstructed, tmp_path, caplog):
    """A result counts with its .json; an interrupted command is continued, with the same bytes."""
    caplog.set_level(logging.INFO)
    given = dict(checkpoint=model, input=source, batch_size=3)
    before = {p: p.stat().st_mtime_ns for p in reconstructed.rglob("*.*")}
    assert made(out=reconstructed, **given) == 0
    assert {p: p.stat().st_mtime_ns for p in reconstructed.rglob("*.*")} == before
    assert "4 of 4 are there already" in caplog.text
    whole = contents(reconstructed, ".wav")
    (reconstructed / "ann" / "a.json").unlink()
    (reconstructed / "one.wav").unlink()
    killed = reconstructed / "ann" / f".a.wav.{'0' * 32}.partial"
    killed.write_bytes(b"RIFF")
    assert made(out=reconstructed, **given) == 0
    assert contents(reconstructed, ".wav") == whole
    assert len(contents(reconstructed)) == 2 * len(LENGTHS), "what was unfinished is removed"


def test_other_settings_are_refused_or_overwrite(model, source, tmp_path):
    out = tmp_path / "out"
    given = dict(checkpoint=model, input=source / "one.wav", out=out)
    assert made(**given) == 0
    before = contents(out)
    expected = r"one.wav exists.*temperature was 1, now 0\.5.*another out=, or overwrite=true"
    with pytest.raises(UserError, match=expected):
        made(temperature=0.5, **given)
    other = checkpoint(tmp_path, seed=1)
    with pytest.raises(UserError, match=r"model_fingerprint was .{12}, now"):
        made(**(given | dict(checkpoint=other)))
    assert contents(out) == before
    assert made(temperature=0.5, overwrite=True, **given) == 0
    assert card(out / "one.json")["temperature"] == 0.5
    assert made(temperature=0.5, **given) == 0, "what was overwritten is complete"


@pytest.mark.parametrize("task", ["reconstruct", "encode"])
def test_another_input_of_the_same_name_and_length_is_not_taken_for_it(task, model, tmp_path):
    asked = dict(task=task, checkpoint=str(model), out=str(tmp_path / "out"))
    first = recordings(tmp_path / "first", {"ann/a.wav": 900})
    second = recordings(tmp_path / "second", {"x/x.wav": 900, "ann/a.wav": 900})
    (second / "x" / "x.wav").unlink()
    assert first.joinpath("ann/a.wav").stat().st_size == second.joinpath("ann/a.wav").stat().st_size
    made(input=str(first), **asked)
    with pytest.raises(UserError, match=r"other settings: input_sha256 was \w{12}, now \w{12}"):
        made(input=str(second), **asked)


def test_encoding_continues_and_refuses_codes_of_another_model(model, source, tmp_path):
    out = tmp_path / "codes"
    given = dict(task="encode", checkpoint=model, input=source, out=out)
    assert made(max_utterances=2, **given) == 0
    assert len((out / "units.tsv").read_text().splitlines()) == 2
    first = (out / "ann" / "a.npy").stat().st_mtime_ns
    assert made(**given) == 0
    assert (out / "ann" / "a.npy").stat().st_mtime_ns == first
    assert len((out / "units.tsv").read_text().splitlines()) == len(LENGTHS)
    more = recordings(tmp_path / "more", {"x/x.wav": 400, "dan/d.wav": 700})
    assert made(max_utterances=1, **(given | dict(input=more))) == 0
    names = [line.split("\t")[0] for line in (out / "units.tsv").read_text().splitlines()]
    assert names == ["ann/a", "bob/b", "dan/d", "eve/c", "one"], "also those of earlier commands"
    with pytest.raises(UserError, match=r"units\.json says that codes of another model lie there"):
        made(**(given | dict(checkpoint=checkpoint(tmp_path, seed=1))))


def test_codes_are_smoothed_if_asked_for_and_kept_apart_from_others(model, source, tmp_path):
    out = tmp_path / "codes"
    given = dict(task="encode", checkpoint=model, input=source, out=out)
    assert made(**given, smoothing=1.5) == 0
    smooth = load(model).encode(noise(330), 8000, smoothing=1.5)
    assert np.array_equal(np.load(out / "ann" / "a.npy"), smooth.numpy())
    assert card(out / "units.json")["smoothing"] == card(out / "ann" / "a.json")["smoothing"] == 1.5
    with pytest.raises(UserError, match=r"made with other settings: smoothing was 1\.5, now 0"):
        made(**given)
    with pytest.raises(UserError, match="smoothing is read by task=encode, submission only"):
        made(checkpoint=model, input=source, out=out, smoothing=2)


def test_a_submission_has_a_frame_for_each_code_and_says_how_they_are_spaced(
    model, source, tmp_path
):
    out = tmp_path / "submission"
    given = dict(task="submission", checkpoint=model, input=source, out=out)
    assert made(**given) == 0
    loaded = load(model)
    codes = loaded.encode(noise(330), 8000)
    frames = np.load(out / "ann" / "a.npy")
    assert frames.dtype == np.float64 and frames.shape == (len(codes), loaded.bottleneck.dim)
    vectors = loaded.bottleneck.decode(codes[None])[0].detach()
    assert np.array_equal(frames, vectors.t().double().numpy())
    params = yaml.safe_load((out / "params.yaml").read_text())
    assert params["feature_size"] == float(loaded.hop) / 8000
    assert not (out / "units.tsv").exists()
    with pytest.raises(UserError, match="smoothing was 0, now 2"):
        made(**given, smoothing=2)


def test_the_table_has_codes_of_one_model_only_and_passes_over_other_files(model, tmp_path):
    out, other = tmp_path / "codes", checkpoint(tmp_path, seed=1)
    given = dict(task="encode", out=out)
    here = recordings(tmp_path / "here", {"ann/a.wav": 400, "ann/b.wav": 400})
    there = recordings(tmp_path / "there", {"ann/a.wav": 400})
    assert made(checkpoint=model, input=here, **given) == 0
    (out / "moved").mkdir()
    for suffix in (".npy", ".json"):
        (out / "moved" / f"a{suffix}").write_bytes((out / "ann" / f"a{suffix}").read_bytes())
    for name, content in {"broken": "{", "list": '["utterance"]', "alien": "{}"}.items():
        (out / f"{name}.json").write_text(content)
        (out / f"{name}.npy").write_bytes((out / "ann" / "a.npy").read_bytes())

    def names():
        return [line.split("\t")[0] for line in (out / "units.tsv").read_text().splitlines()]

    assert made(checkpoint=model, input=here, **given) == 0
    assert names() == ["ann/a", "ann/b"]
    assert made(checkpoint=other, input=there, overwrite=True, **given) == 0
    assert names() == ["ann/a"], "units.json describes the other model"


def test_recordings_that_cannot_be_used_are_counted(model, source, tmp_path, caplog):
    root = recordings(tmp_path / "in", {"ann/a.wav": 160, "ann/b.wav": 160})
    (root / "ann" / "b.wav").write_text("no audio")
    (root / "ann" / "c.wav").write_bytes((root / "ann" / "a.wav").read_bytes()[:100])
    assert made(checkpoint=model, input=root, out=tmp_path / "out") == 2
    assert made(task="encode", checkpoint=model, input=root, out=tmp_path / "codes") == 2
    assert re.search(r"skipped: .*b\.wav: unreadable", caplog.text)
    assert "2 recordings could not be used" in caplog.text
    assert sorted(contents(tmp_path / "out")) == ["ann/a.json", "ann/a.wav"]
    assert len((tmp_path / "codes" / "units.tsv").read_text().splitlines()) == 1


def test_an_input_is_never_replaced(model, source, tmp_path):
    recordings(tmp_path, {"a.wav": 160})
    (tmp_path / "t.tsv").write_text("ann\ta.wav\n")
    for given in ("a.wav", "t.tsv"):
        with pytest.raises(UserError, match=r"a\.wav is an input and would be replaced"):
            made(checkpoint=model, input=tmp_path / given, out=tmp_path)


def test_results_do_not_depend_on_the_batch_size(model, source, tmp_path):
    """In double precision: rounding in single precision can change a sampled level."""
    loaded, fingerprint = load_with_fingerprint(model)
    found = {}
    for batch_size in (1, 2, 3):
        loaded.double()
        inputs = Recordings(loaded, [source], None)
        results = ResultStore(tmp_path / str(batch_size), ".wav", {"fingerprint": fingerprint}, {})
        engine = make_engine("auto", loaded.decoder)
        generator = UtteranceGenerator(loaded, engine, inputs, Sampling(), 1, results)
        requests = [Request(each, "ann", True) for each in inputs.utterances]
        batches = in_batches(requests, batch_size)
        assert [len(batch) for batch in batches] == {1: [1] * 4, 2: [2, 2], 3: [3, 1]}[batch_size]
        with AudioProgress(4, 1.0) as progress:
            for batch in batches:
                generator.generate(batch, progress)
        assert progress.num_done == 4 and progress.audio_seconds == pytest.approx(991 / 8000)
        found[batch_size] = contents(tmp_path / str(batch_size), ".wav")
    assert found[1] == found[2] == found[3] and len(found[1]) == 4
