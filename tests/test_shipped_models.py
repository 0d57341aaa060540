"""The trained models of the package: they load, and their cards tell how they were made."""

from __future__ import annotations

import json
import re

import pytest
import torch
import yaml

from wavenet_ae.loading import load
from wavenet_ae.model_paths import CARD, DESCRIPTION, SHIPPED, WEIGHTS, shipped_models
from wavenet_ae.models import Autoencoder

MOST_BYTES = 3_000_000
SIZES = {"speech-units-8k": 128, "toy": 64}


@pytest.fixture(params=shipped_models())
def name(request):
    return request.param


def card(name: str) -> tuple[dict, str]:
    _, header, text = (SHIPPED / name / CARD).read_text().split("---\n", 2)
    return yaml.safe_load(header), text


def test_it_encodes_and_decodes(name):
    model = load(name)
    assert isinstance(model, Autoencoder) and not model.training
    torch.manual_seed(0)
    codes = model.encode((torch.randn(4000) / 4).clamp(-1, 1), 8000)
    assert codes.shape == (25,) and int(codes.min()) >= 0 and int(codes.max()) < SIZES[name]
    assert len(set(codes.tolist())) > 1
    sound = model.decode(codes[:5], speaker=model.speakers[0])
    assert len(sound) == 5 * model.hop


def test_its_folder_is_small_and_holds_nothing_of_a_machine(name):
    folder = SHIPPED / name
    assert {each.name for each in folder.iterdir()} == {WEIGHTS, DESCRIPTION, CARD}
    assert sum(each.stat().st_size for each in folder.iterdir()) < MOST_BYTES
    described = json.loads((folder / DESCRIPTION).read_text())
    assert "data" not in described["config"] and "optimizer" not in described["config"]
    assert not re.search(r'"/|\\\\|/(home|tmp|root|work)/', json.dumps(described))


def test_its_card_names_license_and_commands(name):
    header, text = card(name)
    assert header["license"] == {"speech-units-8k": "cc-by-4.0", "toy": "mit"}[name]
    assert header["library_name"] == "wavenet_ae"
    for heading in ("Training", "Evaluation", "Limits"):
        assert f"\n## {heading}\n" in text
    trained, evaluated = text.split("\n## Evaluation\n")
    assert "wavenet-ae train experiment=speech_units" in trained or "wavenet-ae demo" in trained
    assert f"wavenet-ae evaluate checkpoint={name} " in evaluated
    assert "shuffled labels" in evaluated and "k-means on MFCC" in evaluated, "controls"
    assert f"{sum(each.numel() for each in load(name).parameters()):,} parameters" in text


def test_speakers_of_librispeech_are_the_numbers_of_readers():
    assert all(each.isdigit() for each in load("speech-units-8k").speakers)
