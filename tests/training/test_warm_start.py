"""A new run that starts from the weights of another."""

from __future__ import annotations

import pytest
import torch
from helpers import two_streams
from helpers.configs import small
from helpers.two_streams import PLUGIN

from wavenet_ae import instantiate
from wavenet_ae.checkpoint import FORMAT, SECTION, read_checkpoint, write_checkpoint
from wavenet_ae.errors import UserError
from wavenet_ae.models import GenerativeModel, build
from wavenet_ae.training.warm_start import SPEAKERS, copy_weights, initialize_from


def made(seed: int, speakers: list[str], **changes) -> GenerativeModel:
    torch.manual_seed(seed)
    return build(small(**changes), speakers)


@pytest.fixture
def checkpoint(tmp_path):
    """The file of a model of anna and bert, and the model."""
    model = made(1, ["anna", "bert"])
    model.bottleneck.is_quantizing.fill_(True)
    section = {"format": FORMAT, "config": small(), "speakers": model.speakers}
    weights = {f"model.{name}": value for name, value in model.state_dict().items()}
    path = tmp_path / "x.ckpt"
    write_checkpoint({"state_dict": weights, SECTION: section}, path)
    return path, model


def test_weights_of_equal_names_and_shapes_are_copied(checkpoint):
    path, other = checkpoint
    model = made(2, ["anna", "bert"])
    lines = initialize_from(model, small(), str(path))
    for name, value in other.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    assert len(lines) == 1 and "2 of 2 speakers" in lines[0]


def test_a_checkpoint_without_a_configuration_is_no_start(checkpoint):
    path, model = checkpoint
    content = read_checkpoint(path)
    del content[SECTION]["config"]
    write_checkpoint(content, path)
    with pytest.raises(UserError, match=f"{path} is damaged: config is None"):
        initialize_from(model, small(), str(path))


def test_speakers_keep_their_rows_by_name_and_new_ones_get_rows(checkpoint):
    path, other = checkpoint
    model = made(2, ["bert", "cleo", "dora"])
    lines = initialize_from(model, small(), str(path))
    then, now = other.state_dict()[SPEAKERS], model.state_dict()[SPEAKERS]
    assert torch.equal(now, then[[1, 2, 2, 2]])  # bert's, three times the unknown speaker's
    assert "1 of 3 speakers" in lines[0]


def test_speaker_normalization_keeps_its_rows_by_name(tmp_path):
    changes = {"model": {"speaker_norm": True}}
    other, model = made(1, ["anna", "bert"], **changes), made(2, ["bert", "cleo"], **changes)
    torch.nn.init.normal_(other.speaker_norm.log_scale)
    section = {"format": FORMAT, "config": small(**changes), "speakers": other.speakers}
    weights = {f"model.{name}": value for name, value in other.state_dict().items()}
    path = tmp_path / "x.ckpt"
    write_checkpoint({"state_dict": weights, SECTION: section}, path)
    initialize_from(model, small(**changes), str(path))
    assert torch.equal(
        model.speaker_norm.log_scale, other.speaker_norm.log_scale[[1, 2]][[0, 1, 1]]
    )


def test_what_does_not_fit_is_named(checkpoint):
    path, _ = checkpoint
    model = made(2, ["anna"], bottleneck="vae", decoder={"post": 12})
    before = {name: value.clone() for name, value in model.state_dict().items()}
    config = small(bottleneck="vae")
    text = "\n".join(initialize_from(model, config, str(path)))
    assert "bottleneck.codebook: only in the checkpoint" in text
    assert "decoder.post.weight: (8, 8) there, (12, 8) here, starts from scratch" in text
    assert torch.equal(model.state_dict()["decoder.post.weight"], before["decoder.post.weight"])


def test_another_rate_or_model_is_refused(checkpoint):
    path, _ = checkpoint
    torch.manual_seed(0)
    with pytest.raises(UserError, match="8000 Hz, but sample_rate is 16000: set sample_rate=8000"):
        initialize_from(build({**small(), "sample_rate": 16000}, ["a"]), small(), str(path))
    with pytest.raises(UserError, match="there is no checkpoint"):
        initialize_from(made(2, ["a"]), small(), str(path.with_name("none.ckpt")))


@pytest.mark.parametrize("change", [{"codebook_size": 16}, {"dim": 4}, {}])
def test_a_codebook_is_taken_whole_or_not_at_all(checkpoint, change):
    """Half of one would pass for a codebook that has started."""
    path, _ = checkpoint
    kind = {} if change else {"_target_": "wavenet_ae.bottlenecks.VQVAE"}
    config = small(bottleneck="vqvae_ema" if change else "vqvae")
    config["bottleneck"] |= {**change, **kind, "init": "kmeans"}
    torch.manual_seed(2)
    model = build(config, ["anna"])
    before = {name: value.clone() for name, value in model.bottleneck.state_dict().items()}
    initialize_from(model, config, str(path))
    for name, value in model.bottleneck.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not model.bottleneck.is_quantizing


def test_a_run_that_quantizes_from_its_start_does_so(checkpoint, tmp_path):
    path, other = checkpoint
    other.bottleneck.is_quantizing.fill_(False)
    weights = {f"model.{name}": value for name, value in other.state_dict().items()}
    section = {"format": FORMAT, "config": small(), "speakers": other.speakers}
    write_checkpoint({"state_dict": weights, SECTION: section}, path)
    model = made(2, ["anna"])
    assert model.bottleneck.is_quantizing
    initialize_from(model, small(), str(path))
    assert model.bottleneck.is_quantizing


def test_features_with_other_settings_are_not_taken(checkpoint):
    path, _ = checkpoint
    config = small()
    config["encoder"]["features"]["lowest_hz"] = 300.0
    torch.manual_seed(2)
    model = build(config, ["anna"])
    before = {name: each.clone() for name, each in model.encoder.features.state_dict().items()}
    lines = initialize_from(model, config, str(path))
    for name, value in model.encoder.features.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert any("mel_scale.fb: other features" in line for line in lines)


def test_the_bottleneck_of_each_stream_is_copied_whole_or_not_at_all(monkeypatch):
    monkeypatch.setattr(instantiate, "plugin_packages", lambda: PLUGIN)
    other = two_streams.built()
    larger = two_streams.two_streams()
    larger["model"]["top_codebook_size"] = 5
    model = build(larger, ["ann", "bob"])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    lines = copy_weights(model, larger, other, two_streams.two_streams(), "it")
    after, given = model.state_dict(), other.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in after if name.startswith("top."))
    assert torch.equal(after["bottleneck.codebook"], given["bottleneck.codebook"])
    assert any("top.codebook: (4, 6) there, (5, 6) here" in line for line in lines)
