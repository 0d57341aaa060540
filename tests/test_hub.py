"""`hf://OWNER/NAME`: the client of the hub, with a server on this machine and with its cache."""

from __future__ import annotations

import sys

import pytest
from helpers.hub_server import hub_server
from helpers.small_models import checkpoint

import wavenet_ae
from wavenet_ae import hub
from wavenet_ae.errors import UserError
from wavenet_ae.loading import load, load_with_fingerprint
from wavenet_ae.model_paths import CARD, DESCRIPTION, WEIGHTS, checkpoint_in, name_of


@pytest.fixture
def server(tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    hub.download.cache_clear()
    with hub_server() as server:
        files = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
        yield server
    hub.download.cache_clear()


@pytest.fixture
def saved(tmp_path):
    return wavenet_ae.save_pretrained(load(checkpoint(tmp_path)), tmp_path / "saved")


def test_what_is_pushed_is_loaded_from_there_once_and_then_without_the_server(
    server, saved, monkeypatch
):
    url = wavenet_ae.push_to_hub(saved, "ann/my-units")
    assert url.startswith(f"{server.address}/ann/my-units/commit/")
    files = server.repositories["ann/my-units"]
    assert files == {name: (saved / name).read_bytes() for name in (WEIGHTS, DESCRIPTION, CARD)}

    assert load_with_fingerprint("hf://ann/my-units")[1] == load_with_fingerprint(saved)[1]
    file = checkpoint_in("hf://ann/my-units")
    assert file.name == WEIGHTS and name_of(file) == "my-units"
    num_requests = len(server.requests)
    load("hf://ann/my-units")
    assert len(server.requests) == num_requests, "one process asks once"

    hub.download.cache_clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert checkpoint_in("hf://ann/my-units") == file


def test_a_model_that_is_pushed_again_is_the_one_that_is_loaded(server, saved):
    wavenet_ae.push_to_hub(saved, "ann/my-units")
    load("hf://ann/my-units")
    assert hub.download.cache_info().currsize > 0
    wavenet_ae.push_to_hub(saved, "ann/my-units")
    assert hub.download.cache_info().currsize == 0


def test_a_repository_without_a_model_is_named(server, saved):
    for name in (WEIGHTS, DESCRIPTION):
        (saved / name).unlink()
    hub.upload(saved, "ann/notes", [CARD])
    with pytest.raises(UserError, match=r"hf://ann/notes holds no model of wavenet_ae: it has no"):
        load("hf://ann/notes")


def test_a_revision_is_asked_for(server, saved):
    wavenet_ae.push_to_hub(saved, "ann/my-units")
    load("hf://ann/my-units@v1")
    assert any("/revision/v1" in each for each in server.requests)


def test_a_repository_that_is_missing_is_named(server):
    with pytest.raises(UserError, match=r"hf://ann/none cannot be downloaded: .*404"):
        load("hf://ann/none")


def test_a_damaged_folder_is_not_uploaded(server, saved):
    (saved / WEIGHTS).write_bytes(b"")
    with pytest.raises(UserError, match="not of the format safetensors"):
        wavenet_ae.push_to_hub(saved, "ann/my-units")
    assert not server.requests


@pytest.mark.parametrize("address", ["hf://units", "hf://a/b/c", "hf://a/b@", "hf://a b/c"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(UserError, match=r"is no address: write hf://OWNER/NAME"):
        load(address)


def test_without_the_client_its_package_is_named(monkeypatch, saved):
    hub.download.cache_clear()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"pip install 'wavenet_ae\[hub\]'"):
        load("hf://ann/my-units")
    with pytest.raises(UserError, match=r"pip install 'wavenet_ae\[hub\]'"):
        wavenet_ae.push_to_hub(saved, "ann/my-units")
