"""A model that is saved for others is the same model, and a folder that is damaged is none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest
import torch
from helpers.configs import small
from helpers.small_models import SPEAKERS, checkpoint, noise
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

import wavenet_ae
from wavenet_ae.checkpoint import DamagedCheckpoint, read_checkpoint, write_checkpoint
from wavenet_ae.errors import UserError
from wavenet_ae.loading import load, load_with_fingerprint
from wavenet_ae.model_folder import read_model
from wavenet_ae.model_paths import DESCRIPTION, WEIGHTS
from wavenet_ae.models import CodeModel, build
from wavenet_ae.tensors import digest_of_tensors


@pytest.mark.parametrize("kind", ["vqvae", "vae", "wavenet"])
def test_a_saved_model_is_the_same_model(kind, tmp_path):
    model, expected = load_with_fingerprint(checkpoint(tmp_path, kind))
    again, found = load_with_fingerprint(wavenet_ae.save_pretrained(model, tmp_path / "saved"))
    assert found == expected
    assert again.config == model.config and again.speakers == model.speakers == SPEAKERS
    assert not again.training
    if isinstance(model, CodeModel):
        assert isinstance(again, CodeModel)
        assert torch.equal(model.encode(noise(4000), 8000), again.encode(noise(4000), 8000))


def test_latents_are_identical(tmp_path):
    model = load(checkpoint(tmp_path))
    again = load(wavenet_ae.save_pretrained(model, tmp_path / "saved"))
    waveform = torch.from_numpy(noise(4000))[None] / 32768
    with torch.no_grad():
        latents = [each.encoder(waveform, each.average_feature_mean(1)) for each in (model, again)]
    assert torch.equal(*latents) and latents[0].shape[1] == model.encoder.dim


def test_a_folder_holds_the_same_as_the_checkpoint_does_of_the_model(tmp_path):
    file = checkpoint(tmp_path)
    folder = wavenet_ae.save_pretrained(load(file), tmp_path / "saved")
    then, now = read_checkpoint(file), read_model(folder)
    assert now.keys() == then.keys() == {"state_dict", "wavenet_ae"}
    assert now["state_dict"].keys() == then["state_dict"].keys()
    for key in ("format", "config", "speakers"):
        assert now["wavenet_ae"][key] == then["wavenet_ae"][key]


def test_a_path_of_this_machine_is_not_written(tmp_path):
    file = checkpoint(tmp_path)
    content = read_checkpoint(file)
    encoder = {
        "_target_": "wavenet_ae.encoders.PretrainedEncoder",
        "encoder": content["wavenet_ae"]["config"]["encoder"],
        "checkpoint": str(file),
    }
    config = small("vqvae") | {"encoder": encoder}
    state = build(config, SPEAKERS).state_dict()
    content = {
        "state_dict": {f"model.{name}": value for name, value in state.items()},
        "wavenet_ae": content["wavenet_ae"] | {"config": config},
    }
    write_checkpoint(content, tmp_path / "tuned.ckpt")
    folder = wavenet_ae.save_pretrained(load(tmp_path / "tuned.ckpt"), tmp_path / "saved")
    assert load(folder).config["encoder"]["checkpoint"] == file.name
    assert all(str(tmp_path).encode() not in each.read_bytes() for each in folder.iterdir())


def test_a_model_without_a_configuration_cannot_be_saved(tmp_path):
    model = load(checkpoint(tmp_path))
    model.config = {}
    with pytest.raises(ValueError, match="without a configuration"):
        wavenet_ae.save_pretrained(model, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder that is copied for each damage."""
    folder = tmp_path_factory.mktemp("saved")
    return wavenet_ae.save_pretrained(load(checkpoint(folder)), folder / "saved")


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "saved")


def described(change: Callable[[dict], object]) -> Callable[..., None]:
    def apply(folder):
        file = folder / DESCRIPTION
        section = json.loads(file.read_text())
        change(section)
        file.write_text(json.dumps(section))

    return apply


def weighted(change: Callable[[dict], object]) -> Callable[..., None]:
    """Changes the weights, and describes them again, as whoever wants to do harm would."""

    def apply(folder):
        weights = load_tensors((folder / WEIGHTS).read_bytes())
        change(weights)
        (folder / WEIGHTS).write_bytes(save_tensors(weights))
        digest = digest_after(folder)
        described(lambda section: section.update(tensors_sha256=digest))(folder)

    return apply


def digest_after(folder) -> str:
    return digest_of_tensors(dict(sorted(load_tensors((folder / WEIGHTS).read_bytes()).items())))


def flip(name: str, place: int) -> Callable[..., None]:
    def apply(folder):
        content = bytearray((folder / name).read_bytes())
        content[place] ^= 1
        (folder / name).write_bytes(content)

    return apply


HEAD = "decoder.head.weight"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / DESCRIPTION).unlink(), r"config\.json cannot be read: No such"),
        (lambda folder: (folder / DESCRIPTION).write_text("{"), r"config\.json: not JSON"),
        (lambda folder: (folder / DESCRIPTION).write_text("[]"), "describes no model"),
        (described(lambda each: each.update(model_type="bert")), "describes no model of wavenet"),
        (described(lambda each: each.pop("speakers")), r"config\.json: speakers is missing"),
        (described(lambda each: each.update(speakers="ann")), "speakers is 'ann', but must be a"),
        (described(lambda each: each.update(config=[])), r"config is \[\], but must be a mapping"),
        (described(lambda each: each.update(format=3)), "format 3, newer than this version's 2"),
        (described(lambda each: each["config"].pop("model")), "holds no model: .*model is missing"),
        (described(lambda each: each["config"]["decoder"].update(residual=4096)), "larger model"),
        (described(lambda each: each["config"]["model"].update(_target_="os.system")), "os.system"),
        (flip(WEIGHTS, -1), r"damaged: the SHA-256 of the weights in model\.safetensors"),
        (flip(WEIGHTS, 3), "damaged, or not of the format safetensors"),
        (flip(DESCRIPTION, -5), "SHA-256 of the weights"),
        (lambda folder: (folder / WEIGHTS).write_bytes(b""), "not of the format safetensors"),
        (weighted(lambda each: each.pop(HEAD)), "Missing key"),
        (weighted(lambda each: each.update({HEAD: torch.zeros(3)})), "size mismatch"),
        (weighted(lambda each: each.update({HEAD: each[HEAD].long()})), "must be torch.float32"),
        (weighted(lambda each: each.update({HEAD: each[HEAD].cfloat()})), "torch.complex64"),
    ],
)
def test_a_damaged_folder_is_one_clear_error(damage, message, folder):
    damage(folder)
    with pytest.raises(DamagedCheckpoint, match=message) as raised:
        load(folder)
    assert str(folder) in str(raised.value) and "\n" not in str(raised.value)


def test_weights_that_are_not_finite_are_refused(folder):
    weighted(lambda each: each[HEAD].fill_(float("nan")))(folder)
    with pytest.raises(UserError, match="NaN or infinite, in 1 of"):
        load(folder)


def test_new_weights_beside_an_old_description_are_refused(folder, tmp_path):
    """What a process leaves that is killed between the two files."""
    new = wavenet_ae.save_pretrained(load(checkpoint(tmp_path, seed=1)), tmp_path / "new")
    (folder / WEIGHTS).write_bytes((new / WEIGHTS).read_bytes())
    with pytest.raises(DamagedCheckpoint, match="SHA-256 of the weights"):
        load(folder)
